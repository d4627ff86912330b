/** Where a prediction stands. `canceled` and `aborted` follow Replicate's spelling. */
export type PredictionStatus = 'starting' | 'processing' | 'succeeded' | 'failed' | 'canceled' | 'aborted';

const TERMINAL: ReadonlySet<PredictionStatus> = new Set(['succeeded', 'failed', 'canceled', 'aborted']);

/** True when the prediction will never change its status again. */
export function isTerminal(status: PredictionStatus): boolean {
  return TERMINAL.has(status);
}

/** One paid run of a model at the provider. Times are ISO 8601 UTC. */
export interface Prediction {
  readonly id: string;
  readonly model: string;
  readonly status: PredictionStatus;
  readonly input: Readonly<Record<string, unknown>>;
  /** URLs of the finished files; empty unless `succeeded` with files still kept by the provider. */
  readonly outputs: readonly string[];
  /** True when the provider has removed input and output (Replicate does so after one hour). */
  readonly dataRemoved: boolean;
  readonly error: string | null;
  readonly logs: string;
  readonly createdAt: string;
  readonly completedAt: string | null;
  /** When the provider itself will cancel the run, if it told. */
  readonly deadline: string | null;
  /** Seconds. */
  readonly predictTime: number | null;
  readonly totalTime: number | null;
}

export interface PredictionRequest {
  /** `owner/name`. */
  readonly model: string;
  /** Version hash for a community model, null for an official model, which is called by name. */
  readonly version: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  /** Seconds (≥ 5) after which the provider cancels the run by itself. */
  readonly cancelAfterSeconds: number;
  /** Where the provider tells of the prediction's changes, when a public URL is configured. */
  readonly webhook?: string;
}

/** A file to be given to the provider. */
export interface Upload {
  /** At most 255 bytes. */
  readonly name: string;
  readonly content: Uint8Array;
  readonly contentType: string;
}

/** A file that the provider keeps for its models. */
export interface UploadedFile {
  /** Stands for the file in an input. Nobody but us and the provider can read it. */
  readonly url: string;
  /** ISO 8601 UTC: the provider removes it then. */
  readonly expiresAt: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** What the worker needs of an image provider. Every failure is a {@link ProviderError}. */
export interface ImageProvider {
  readonly name: string;
  /** Sends exactly one POST, never a second. Throws `outcome_unknown` when it cannot tell whether a prediction now exists. */
  create(request: PredictionRequest, options?: CallOptions): Promise<Prediction>;
  get(predictionId: string, options?: CallOptions): Promise<Prediction>;
  /** Idempotent; answers the prediction as it is afterwards (an ended one stays as it was). */
  cancel(predictionId: string, options?: CallOptions): Promise<Prediction>;
  /** A repetition makes another file, which costs nothing: failed calls are repeated. */
  upload(file: Upload, options?: CallOptions): Promise<UploadedFile>;
  /** Predictions created at or after `createdAfter`, newest first, following the pages. */
  list(createdAfter: string, options?: CallOptions): AsyncIterable<Prediction>;
}

/**
 * - `rejected`: the provider refused the request (422 and other 4xx); repeating it cannot help
 * - `unauthorized`: 401 or 403: our token is wrong
 * - `not_found`: 404
 * - `throttled`: 429 to a create or an upload; {@link throttledMs} tells how long to wait; nothing was created
 * - `out_of_credit`: 402; nothing was created
 * - `unavailable`: the request certainly had no effect (connection refused, DNS; any network error, time-out or 5xx of a read)
 * - `outcome_unknown`: a create was sent and its answer lost (reset, time-out, 5xx, unreadable body): it may have been paid for
 */
export type ProviderErrorKind =
  'rejected' | 'unauthorized' | 'not_found' | 'throttled' | 'out_of_credit' | 'unavailable' | 'outcome_unknown';

export class ProviderError extends Error {
  constructor(
    readonly kind: ProviderErrorKind,
    message: string,
    readonly details: { readonly status?: number; readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'ProviderError';
  }
}

/** For a provider that throttles without a word of how long. Milliseconds. */
const THROTTLED_MS = 5_000;

/** How long whoever got a `throttled` asks for nothing. Milliseconds. */
export function throttledMs({ details }: ProviderError): number {
  return details.retryAfterSeconds === undefined ? THROTTLED_MS : details.retryAfterSeconds * 1_000;
}
