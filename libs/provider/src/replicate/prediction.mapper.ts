import type { Prediction, PredictionStatus } from '../provider.port.js';
import type { ReplicatePrediction } from '../schemas/index.js';

const KNOWN: ReadonlySet<string> = new Set<PredictionStatus>([
  'starting',
  'processing',
  'succeeded',
  'failed',
  'canceled',
  'aborted',
]);

/** Of arrays and objects within each other; the outputs that are known have one level. */
const MAX_OUTPUT_DEPTH = 4;

/** Replicate's prediction in the terms of the port. */
export function toPrediction(body: ReplicatePrediction): Prediction {
  const status = statusOf(body);
  return {
    id: body.id,
    model: body.model,
    status,
    input: body.input ?? {},
    outputs: status === 'succeeded' ? outputsOf(body.output) : [],
    dataRemoved: body.data_removed ?? false,
    error: errorOf(body),
    logs: body.logs ?? '',
    createdAt: utc(body.created_at),
    completedAt: body.completed_at ? utc(body.completed_at) : null,
    deadline: body.deadline ? utc(body.deadline) : null,
    predictTime: body.metrics?.predict_time ?? null,
    totalTime: body.metrics?.total_time ?? null,
  };
}

/** A status that we do not know is not terminal; one of a completed prediction is a failure: never wait for ever. */
function statusOf(body: ReplicatePrediction): PredictionStatus {
  if (isKnown(body.status)) return body.status;
  return body.completed_at ? 'failed' : 'processing';
}

function isKnown(status: string): status is PredictionStatus {
  return KNOWN.has(status);
}

function errorOf(body: ReplicatePrediction): string | null {
  if (typeof body.error === 'string') return body.error;
  if (body.error !== null && body.error !== undefined) return JSON.stringify(body.error);
  return !isKnown(body.status) && body.completed_at ? `Prediction ended with unknown status "${body.status}"` : null;
}

/**
 * Addresses of files in a model's output: a URI, an array of them, or an object that holds either under names of the
 * model's own. In the order in which they stand, each once; what is none is passed over.
 */
function outputsOf(output: unknown): string[] {
  return [...new Set(textsOf(output))].filter((text) => /^https?:/i.test(text) && URL.canParse(text));
}

function textsOf(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > MAX_OUTPUT_DEPTH) return [];
  return Object.values(value).flatMap((part) => textsOf(part, depth + 1));
}

function utc(time: string): string {
  return new Date(time).toISOString();
}
