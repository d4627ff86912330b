import { EventStoreError, type EventStore, type LoadedStream, type NewEvent, type Position } from './event-store.js';
import { decode, encode } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { MAX_EVENT_BYTES } from './topology.js';

/** The event store without a broker, for tests of what stands on it. Held to the same contract. */
export class MemoryEventStore implements EventStore {
  readonly #log: RecordedEvent[] = [];
  readonly #byGeneration = new Map<string, RecordedEvent[]>();

  async load(generationId: string): Promise<LoadedStream> {
    const events = this.#byGeneration.get(generationId) ?? [];
    return { events: [...events], position: events.at(-1)?.position ?? 0 };
  }

  async append(event: NewEvent, expected: Position): Promise<Position> {
    const stream = this.#byGeneration.get(event.generationId) ?? [];
    const { headers, body } = encode(event);
    if (body.length > MAX_EVENT_BYTES) throw new EventStoreError('too_large', `The event has ${body.length} bytes`);
    if ((stream.at(-1)?.position ?? 0) !== expected || stream.some((earlier) => earlier.id === event.id)) {
      throw new EventStoreError('conflict', `The generation moved on from position ${expected}`);
    }
    const position = this.#log.length + 1;
    // Through the envelope, so that nothing survives here that would not survive the wire.
    const recorded = decode(headers, body, position);
    this.#log.push(recorded);
    this.#byGeneration.set(event.generationId, [...stream, recorded]);
    return position;
  }

  /** Everything appended so far, in order. */
  get log(): readonly RecordedEvent[] {
    return this.#log;
  }
}
