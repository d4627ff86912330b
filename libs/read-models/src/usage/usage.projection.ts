import type { RecordedEvent } from '@darkroom/events';
import type { GenerationRow } from '../generations/generations.projection.js';

/** What one event adds to the usage of its day. */
export interface UsageDelta {
  /** UTC date of the event. */
  readonly day: string;
  readonly user_id: string;
  readonly model_id: string;
  readonly requested?: number;
  readonly completed?: number;
  readonly failed?: number;
  readonly cancelled?: number;
  readonly images?: number;
  readonly bytes?: number;
  readonly cost_usd?: number;
}

/**
 * Usage counts what happened, on the day when it happened: a generation that failed on Monday and was redriven to
 * success on Tuesday is one failure and one completion, and every prediction that was paid for counts its cost.
 * `row` is the event's generation after it. Null when the event uses nothing.
 */
export function usageOf(event: RecordedEvent, row: GenerationRow): UsageDelta | null {
  const { user_id, model_id } = row.state.request;
  const key = { day: dayOf(event.time), user_id, model_id };
  switch (event.type) {
    case 'GenerationRequested':
      return { ...key, requested: 1 };
    case 'Generated':
      return event.data.actual_cost_usd === null ? null : { ...key, cost_usd: event.data.actual_cost_usd };
    case 'Downloaded': {
      const { images } = event.data;
      return { ...key, completed: 1, images: images.length, bytes: images.reduce((sum, { bytes }) => sum + bytes, 0) };
    }
    case 'Failed':
      return { ...key, failed: 1 };
    case 'Cancelled':
      return { ...key, cancelled: 1 };
    default:
      return null;
  }
}

/** The UTC date of a time. Nearly all are written in UTC, and need no calendar. */
function dayOf(time: string): string {
  return (time.endsWith('Z') ? time : new Date(time).toISOString()).slice(0, 10);
}
