import { z } from 'zod';

const common = {
  /** Which predictions it may hit; all when left out. `prompt` is a part of the prompt. */
  match: z.strictObject({ model: z.string().optional(), prompt: z.string().optional() }).optional(),
  /** How often it strikes. */
  times: z.union([z.int().positive(), z.literal('always')]).default(1),
};
const ms = z.number().min(0);
const clientOrServerError = z.int().min(400).max(599);
const serverError = z.int().min(500).max(599);

const createFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('reset_before_create'), ...common }),
  /** The prediction exists and runs, and the connection is cut without an answer. */
  z.strictObject({ kind: z.literal('reset_after_create'), ...common }),
  z.strictObject({
    kind: z.literal('throttled'),
    retry_after: z.int().min(0).default(1),
    /** Where the wait is told. */
    told_by: z.enum(['all', 'header', 'body', 'text']).default('all'),
    ...common,
  }),
  z.strictObject({ kind: z.literal('out_of_credit'), ...common }),
  z.strictObject({ kind: z.literal('error_before_create'), status: clientOrServerError, ...common }),
  z.strictObject({ kind: z.literal('error_after_create'), status: serverError, ...common }),
  /** The prediction exists and runs, its answer comes after `ms`. */
  z.strictObject({ kind: z.literal('slow_answer'), ms, ...common }),
  /** The prediction exists and runs, its answer is half of a JSON text. */
  z.strictObject({ kind: z.literal('malformed_body'), ...common }),
]);

const readFault = z.discriminatedUnion('kind', [
  /** Of a GET of one or all predictions, and of a cancel. */
  z.strictObject({ kind: z.literal('read_error'), status: clientOrServerError, ...common }),
  z.strictObject({ kind: z.literal('read_reset'), ...common }),
]);

export const runFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('run_time'), ms, ...common }),
  z.strictObject({ kind: z.literal('run_failure'), error: z.string().default('Prediction failed'), ...common }),
  z.strictObject({ kind: z.literal('run_aborted'), ...common }),
  /** Stays in `processing` until it is cancelled or its deadline passes. */
  z.strictObject({ kind: z.literal('run_never_finishes'), ignores_deadline: z.boolean().default(false), ...common }),
  z.strictObject({ kind: z.literal('run_null_output'), ...common }),
  z.strictObject({
    kind: z.literal('run_unknown_status'),
    status: z.string().min(1),
    terminal: z.boolean().default(false),
    ...common,
  }),
]);

/** Of a prediction's place in the list, settled when it is created. */
const listedFault = z.strictObject({
  /** It is in no page of `GET /predictions` before `ms` have passed since its creation. */
  kind: z.literal('listed_late'),
  ms,
  ...common,
});

/** Of all webhooks of a prediction, settled when it is created. */
const webhookFault = z.strictObject({ kind: z.literal('webhook_lost'), ...common });

const fileFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file_wrong_type'), content_type: z.string().default('text/plain'), ...common }),
  /** Content-Length tells the whole size, half of it comes, the connection is cut. */
  z.strictObject({ kind: z.literal('file_truncated'), ...common }),
  /** `ms` pass in the middle of the body. */
  z.strictObject({ kind: z.literal('file_slow'), ms, ...common }),
  z.strictObject({ kind: z.literal('file_error'), status: clientOrServerError, ...common }),
  /** 200 with a web page. */
  z.strictObject({ kind: z.literal('file_html'), ...common }),
  /** `bytes` of a body that begins like the image. */
  z.strictObject({ kind: z.literal('file_oversized'), bytes: z.int().positive(), ...common }),
]);

const uploadFault = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('upload_error'), status: clientOrServerError, ...common }),
  z.strictObject({ kind: z.literal('upload_reset'), ...common }),
  /** The file is there, and answered, after `ms`. */
  z.strictObject({ kind: z.literal('upload_slow'), ms, ...common }),
]);

/** What `POST /control/faults` takes. */
export const faultSchema = z.union([
  createFault,
  readFault,
  runFault,
  listedFault,
  webhookFault,
  fileFault,
  uploadFault,
]);

export type Fault = z.output<typeof faultSchema>;
export type FaultInput = z.input<typeof faultSchema>;
export type CreateFault = z.output<typeof createFault>;
export type ReadFault = z.output<typeof readFault>;
export type RunFault = z.output<typeof runFault>;
export type ListedFault = z.output<typeof listedFault>;
export type WebhookFault = z.output<typeof webhookFault>;
export type FileFault = z.output<typeof fileFault>;
export type UploadFault = z.output<typeof uploadFault>;
