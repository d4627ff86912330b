import type { GenerationError, GenerationInput, Lane, Stage, Warning } from './events.js';
import { progressOf, statusAt, type Generation, type Status } from './generation.js';

export interface ImageView {
  readonly id: string;
  readonly url: string;
  /** Null for an image that is no larger than a thumbnail, and for those that were stored before there were any. */
  readonly thumbnail_url: string | null;
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly blurhash: string;
}

/** A generation as the public contract shows it, the same in REST, lists, live updates and webhooks. */
export interface GenerationView extends GenerationInput {
  readonly id: string;
  readonly status: Status;
  /** Per cent. */
  readonly progress: number;
  readonly model_id: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly priority: number;
  readonly lane: Lane;
  /** Its place in the queue that it waits in, 1 = next. Only told by a look at this one generation. */
  readonly queue_position: number | null;
  readonly created_at: string;
  readonly scheduled_at: string | null;
  /** The client's: not to be started after it. */
  readonly deadline: string | null;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly retry_at: string | null;
  readonly error: (GenerationError & { readonly stage: Stage }) | null;
  readonly images: readonly ImageView[];
  readonly cost: { readonly estimated_usd: number | null; readonly actual_usd: number | null };
  readonly warnings: readonly Warning[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly batch_id: string | null;
  readonly version: number;
  readonly position: number;
}

export interface ViewContext {
  readonly id: string;
  /** Position of the last event that `generation` reflects. */
  readonly position: number;
  /** ISO 8601 UTC. */
  readonly now: string;
  /** Where clients reach the API, without a trailing slash. */
  readonly publicUrl: string;
  /** Per cent, of the attempt in hand, when more is known of it than the status tells. */
  readonly progress?: number | undefined;
}

export function viewOf(generation: Generation, context: ViewContext): GenerationView {
  const { id, position, now, publicUrl, progress } = context;
  const { request } = generation;
  const status = statusAt(generation, now);
  return {
    id,
    status,
    progress: Math.max(progressOf(status), progress ?? 0),
    model_id: request.model_id,
    ...request.input,
    attempt: generation.current?.attempt ?? generation.spent[generation.stage],
    max_attempts: request.max_attempts,
    priority: request.priority,
    lane: request.lane,
    queue_position: null,
    created_at: generation.createdAt,
    scheduled_at: request.scheduled_at,
    deadline: request.deadline,
    started_at: generation.startedAt,
    completed_at: generation.completedAt,
    retry_at: generation.retryAt,
    error: generation.error,
    images: generation.images.map((image) => ({
      id: image.id,
      url: `${publicUrl}/v1/images/${image.id}/content`,
      thumbnail_url: image.thumbnails.length > 0 ? `${publicUrl}/v1/images/${image.id}/thumbnail` : null,
      format: image.format,
      width: image.width,
      height: image.height,
      bytes: image.bytes,
      sha256: image.sha256,
      blurhash: image.blurhash,
    })),
    cost: {
      estimated_usd: request.estimated_cost_usd,
      actual_usd: generation.generated?.actual_cost_usd ?? null,
    },
    warnings: request.warnings,
    metadata: request.metadata,
    batch_id: request.batch_id,
    version: generation.version,
    position,
  };
}
