import type { Model, Pixels } from '@darkroom/domain';
import type { RunFault } from '../control/fault.schema.js';
import type { ReplicateWebhookEvent } from '../webhooks/webhook-events.js';
import { logsOf } from './run-log.js';

/** What is settled of a prediction when it is created. Its whole run follows from it, whoever else interferes. */
export interface PredictionPlan {
  readonly id: string;
  readonly model: Model;
  readonly input: Readonly<Record<string, unknown>>;
  /** Of the image that it starts from, where the simulator can see it. */
  readonly sourceSize?: Pixels | undefined;
  /** The input's own, or drawn at creation: it decides the picture. */
  readonly seed: number;
  readonly createdAt: Date;
  readonly deadline?: Date | undefined;
  readonly webhook?: string | undefined;
  /** True: none of its webhooks is ever sent. */
  readonly losesWebhooks?: boolean | undefined;
  /** When it can first be seen in the list; at once when left out. */
  readonly listedAt?: Date | undefined;
  readonly webhookEvents: readonly ReplicateWebhookEvent[];
  /** From creation to the end by itself. */
  readonly runMs: number;
  readonly fault?: RunFault | undefined;
}

/** What the simulator keeps of a prediction. `status` is any string: a fault may set one that Replicate does not have. */
export interface PredictionRecord extends PredictionPlan {
  status: string;
  startedAt: Date | undefined;
  completedAt: Date | undefined;
  error: string | null;
  /** Names of the finished files, in the order of the output. */
  files: readonly string[] | null;
}

export interface ViewContext {
  readonly publicUrl: string;
  readonly fileTtlMs: number;
  readonly now: Date;
}

/** The record of a prediction that has just been created. */
export function newRecord(plan: PredictionPlan): PredictionRecord {
  return { ...plan, status: 'starting', startedAt: undefined, completedAt: undefined, error: null, files: null };
}

export function promptOf(input: unknown): string {
  const prompt = typeof input === 'object' && input !== null && 'prompt' in input ? input.prompt : undefined;
  return typeof prompt === 'string' ? prompt : '';
}

/** True when the files, the input and the logs of a finished prediction are removed by now. */
export function isExpired(record: PredictionRecord, { fileTtlMs, now }: Omit<ViewContext, 'publicUrl'>): boolean {
  return record.completedAt !== undefined && now.getTime() - record.completedAt.getTime() >= fileTtlMs;
}

/** The prediction as the API answers it. Times that are not there yet are left out, as published. */
export function viewOf(record: PredictionRecord, context: ViewContext): Record<string, unknown> {
  const { publicUrl } = context;
  const removed = isExpired(record, context);
  const own = `${publicUrl}/v1/predictions/${record.id}`;
  const { startedAt, completedAt } = record;
  const urls = record.files?.map((name) => `${publicUrl}/files/${record.id}/${name}`);
  const output = record.model.output.shape === 'uri' ? urls?.[0] : urls;
  return {
    id: record.id,
    model: record.model.id,
    version: record.model.version ?? 'hidden',
    input: removed ? {} : record.input,
    output: removed ? null : (output ?? null),
    logs: removed ? '' : logsOf(record, context.now),
    error: record.error,
    status: record.status,
    source: 'api',
    data_removed: removed,
    created_at: record.createdAt.toISOString(),
    ...(startedAt && { started_at: startedAt.toISOString() }),
    ...(completedAt && { completed_at: completedAt.toISOString() }),
    ...(record.deadline && { deadline: record.deadline.toISOString() }),
    ...(completedAt && { metrics: metricsOf(record.createdAt, startedAt, completedAt) }),
    urls: { get: own, cancel: `${own}/cancel`, web: `${publicUrl}/p/${record.id}` },
  };
}

/** Seconds. A prediction that never started has no predict time. */
function metricsOf(createdAt: Date, startedAt: Date | undefined, completedAt: Date): Record<string, number> {
  const since = (start: Date) => (completedAt.getTime() - start.getTime()) / 1_000;
  return { ...(startedAt && { predict_time: since(startedAt) }), total_time: since(createdAt) };
}
