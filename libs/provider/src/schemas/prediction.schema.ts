/**
 * A prediction as Replicate answers it. Only what Darkroom reads is required, and `status` is any string: an answer that
 * is new to us in a place that we do not use must not turn a paid prediction into a lost one.
 */
export const predictionSchema = {
  $id: 'darkroom:replicate/prediction',
  type: 'object',
  properties: {
    id: { type: 'string', minLength: 1 },
    model: { type: 'string' },
    version: { type: 'string' },
    status: { type: 'string', minLength: 1 },
    input: { type: ['object', 'null'] },
    output: {},
    error: {},
    logs: { type: ['string', 'null'] },
    data_removed: { type: 'boolean' },
    created_at: { type: 'string', format: 'date-time' },
    started_at: { type: ['string', 'null'], format: 'date-time' },
    completed_at: { type: ['string', 'null'], format: 'date-time' },
    deadline: { type: ['string', 'null'], format: 'date-time' },
    metrics: {
      type: ['object', 'null'],
      properties: { predict_time: { type: ['number', 'null'] }, total_time: { type: ['number', 'null'] } },
    },
    urls: { type: 'object' },
  },
  required: ['id', 'model', 'status', 'input', 'output', 'created_at'],
} as const;

/** One page of `GET /predictions`, newest first; `next` is null on the last page. */
export const predictionPageSchema = {
  $id: 'darkroom:replicate/prediction-page',
  type: 'object',
  properties: {
    next: { type: ['string', 'null'] },
    previous: { type: ['string', 'null'] },
    results: { type: 'array', items: { $ref: 'darkroom:replicate/prediction' } },
  },
  required: ['results'],
} as const;

/** The body of an answer of {@link predictionSchema}, once validated. */
export interface ReplicatePrediction {
  readonly id: string;
  readonly model: string;
  readonly status: string;
  readonly input: Readonly<Record<string, unknown>> | null;
  readonly output: unknown;
  readonly error?: unknown;
  readonly logs?: string | null;
  readonly data_removed?: boolean;
  readonly created_at: string;
  readonly started_at?: string | null;
  readonly completed_at?: string | null;
  readonly deadline?: string | null;
  readonly metrics?: { readonly predict_time?: number | null; readonly total_time?: number | null } | null;
}

export interface ReplicatePage {
  readonly next?: string | null;
  readonly results: readonly ReplicatePrediction[];
}
