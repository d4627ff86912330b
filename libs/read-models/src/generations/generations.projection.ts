import { evolve, type Generation } from '@darkroom/domain';
import type { Position, RecordedEvent } from '@darkroom/events';

/** One generation as lists show it: the same state that folding its events from the log gives. */
export interface GenerationRow {
  readonly id: string;
  readonly state: Generation;
  /** Of the last event that the state reflects. */
  readonly position: Position;
}

/**
 * The row after an event.
 * @throws Error when the event is not the next of its generation: the row misses one, or has seen this one
 */
export function projectGeneration(row: GenerationRow | null, event: RecordedEvent): GenerationRow {
  const next = (row?.state.version ?? 0) + 1;
  if (event.version !== next) throw new Error(`its version is ${event.version}, the row waits for version ${next}`);
  return { id: event.generationId, state: evolve(row?.state ?? null, event), position: event.position };
}
