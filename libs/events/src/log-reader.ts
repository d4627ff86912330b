import type { Position, RecordedEvent } from './event-store.js';

/** Tells one log from another: written into the stream when it is made, kept by snapshots and restores. */
export interface LogIdentity {
  readonly id: string;
  /** First position still held (1 until something was removed) and last position written (0 when empty). */
  readonly first: Position;
  readonly last: Position;
}

/** Reads the whole log in order. */
export interface LogReader {
  /** @throws EventStoreError `unavailable` */
  identify(): Promise<LogIdentity>;
  /**
   * Every event after `after`, in order and without gaps, then waits for new ones until `signal` aborts (which ends
   * the iteration without an error). Yields whatever has arrived as one batch, at most `maxBatch` events, never empty.
   * @throws EventStoreError `unavailable` when the connection is lost: look which log it is before reading on
   */
  read(after: Position, options: { signal: AbortSignal; maxBatch?: number }): AsyncIterable<readonly RecordedEvent[]>;
}
