import { EventEmitter, once } from 'node:events';
import { EventStoreError, type LogIdentity, type LogReader, type Position, type RecordedEvent } from '@darkroom/events';

/** A log in memory: what the projector needs of one, and what may go wrong with it. */
export class MemoryLog implements LogReader {
  private readonly grown = new EventEmitter().setMaxListeners(0);
  /** While true, the log cannot be reached. */
  down = false;

  constructor(
    public id: string,
    public events: RecordedEvent[] = [],
  ) {}

  append(...events: readonly RecordedEvent[]): void {
    this.events.push(...events);
    this.grown.emit('event');
  }

  get last(): Position {
    return this.events.at(-1)?.position ?? 0;
  }

  async identify(): Promise<LogIdentity> {
    if (this.down) throw new EventStoreError('unavailable', 'The log is away');
    return { id: this.id, first: this.events[0]?.position ?? 1, last: this.last };
  }

  async *read(
    after: Position,
    { signal, maxBatch = 500 }: { signal: AbortSignal; maxBatch?: number },
  ): AsyncIterable<readonly RecordedEvent[]> {
    let position = after;
    while (!signal.aborted) {
      if (this.down) throw new EventStoreError('unavailable', 'The log is away');
      const from = this.events.findIndex((event) => event.position > position);
      const batch = from < 0 ? [] : this.events.slice(from, from + maxBatch);
      const last = batch.at(-1);
      if (last) {
        yield batch;
        position = last.position;
      } else {
        await once(this.grown, 'event', { signal }).catch(() => undefined);
      }
    }
  }
}
