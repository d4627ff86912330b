import type { GenerationEvent, EventType } from '@darkroom/domain';

/** Sequence number of an event in the log; 0 stands before the first. */
export type Position = number;

/** What an event carries besides the fact itself. */
export interface EventContext {
  /** Who it belongs to: the user of the generation. */
  readonly userId: string;
  /** W3C trace context of the request that led to it. */
  readonly traceparent: string | null;
}

/** An event as it stands in the log. */
export type RecordedEvent<T extends EventType = EventType> = GenerationEvent<T> &
  EventContext & {
    /** UUIDv7, also the message id that the broker drops duplicates by. */
    readonly id: string;
    readonly generationId: string;
    /** 1 for the first event of its generation. */
    readonly version: number;
    readonly position: Position;
    /** Which process wrote it, e.g. `/darkroom/gateway`. */
    readonly source: string;
  };

/** All events of one generation, oldest first, and the position of the last (0 when there are none). */
export interface LoadedStream {
  readonly events: readonly RecordedEvent[];
  readonly position: Position;
}

/** An event ready to be appended: everything of a recorded one but its place in the log. */
export type NewEvent = Omit<RecordedEvent, 'position'>;

/**
 * The log of generations. One suite holds every implementation to this contract (event-store.contract.ts).
 */
export interface EventStore {
  /** @throws EventStoreError `unavailable` */
  load(generationId: string): Promise<LoadedStream>;
  /**
   * Appends one event if, and only if, the generation's last event still stands at `expected` (0: it has none).
   * Answers its position.
   * @throws EventStoreError `conflict`: somebody else wrote, or we did and the answer was lost: reload and look;
   * `unknown`: it may or may not have been written: reload and look; `too_large`; `full`; `unavailable`: not written
   */
  append(event: NewEvent, expected: Position): Promise<Position>;
}

export type EventStoreErrorKind = 'conflict' | 'unknown' | 'too_large' | 'full' | 'unavailable';

export class EventStoreError extends Error {
  constructor(
    readonly kind: EventStoreErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'EventStoreError';
  }
}
