import type { LogReader, Position, RecordedEvent } from '@darkroom/events';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { writeBatch } from '../projector/write-batch.js';
import { readLog } from './read-log.js';

/** As the live projector: what comes now comes at its pace. */
const BATCH = 500;

/** Projects what came meanwhile, batch by batch, as the live projector does, checkpoint included. */
export class CatchUp {
  events = 0;
  generations = 0;

  constructor(
    /** Bound to the schema that is filled. */
    private readonly em: EntityManager,
    private readonly reader: LogReader,
    private checkpoint: Checkpoint,
  ) {}

  get position(): Position {
    return this.checkpoint.position;
  }

  /** Reflects the log up to `target` at least. */
  async to(target: Position, signal: AbortSignal): Promise<void> {
    if (this.position >= target) return;
    const reached = (): boolean => this.position >= target;
    for await (const batch of readLog(this.reader, this.position, reached, { signal, maxBatch: BATCH })) {
      const [first, ...rest] = batch.filter((event) => event.position > this.position);
      if (!first) continue;
      this.checkpoint = await writeBatch(this.em.fork(), [first, ...rest], this.checkpoint);
      this.count([first, ...rest]);
    }
  }

  private count(events: readonly RecordedEvent[]): void {
    this.events += events.length;
    this.generations += events.filter(({ version }) => version === 1).length;
  }
}
