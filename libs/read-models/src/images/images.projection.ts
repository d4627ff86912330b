import type { StoredImage } from '@darkroom/domain';
import type { Position, RecordedEvent } from '@darkroom/events';
import type { GenerationRow } from '../generations/generations.projection.js';

/** A stored image, with whom it belongs to. */
export interface ImageRow extends StoredImage {
  readonly generation_id: string;
  readonly user_id: string;
  readonly model_id: string;
  readonly created_at: string;
  readonly position: Position;
}

/** The images that an event brings. `row` is its generation after it. */
export function imagesOf(event: RecordedEvent, row: GenerationRow): ImageRow[] {
  if (event.type !== 'Downloaded') return [];
  return event.data.images.map((image) => ({
    ...image,
    generation_id: row.id,
    user_id: row.state.request.user_id,
    model_id: row.state.request.model_id,
    created_at: event.time,
    position: event.position,
  }));
}
