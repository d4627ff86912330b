import type { LogReader, Position, RecordedEvent } from '@darkroom/events';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { LoggerService } from '@nestjs/common';
import { createCheckpoint, loadCheckpoint, type Checkpoint } from '../checkpoint/checkpoint.js';
import { Backoff, pauseFor } from '../database/backoff.js';
import { LIVE_SCHEMA, schemaName } from '../database/schema-name.js';
import { isDataError } from '../database/unavailable.js';
import { checkLog } from './check-log.js';
import { ProjectionError } from './projection-error.js';
import { CheckpointLost, MisfitEvent, writeBatch } from './write-batch.js';

export interface ProjectorOptions {
  /** Of `openReadModels`, with a time limit that fits whole batches. */
  readonly em: EntityManager;
  readonly reader: LogReader;
  readonly logger: Pick<LoggerService, 'log' | 'warn' | 'error'>;
  /** Default: the live one. A rebuild fills another. */
  readonly schema?: string;
  /** Told of every batch that was committed. */
  readonly onProgress?: (progress: Progress) => void;
  /** Events in one transaction at most. Default 500. */
  readonly maxBatch?: number;
  /** A projector that lost to another takes over when that one has not moved for so long. Default 2,000 ms. */
  readonly standbyMs?: number;
  /** Longest pause before another attempt at a Postgres or a log that is away. Default 5,000 ms. */
  readonly maxRetryMs?: number;
}

export interface Progress {
  readonly position: Position;
  /** In the batch. */
  readonly events: number;
}

/** A checkpoint that was moved once is a swap of the tables, most likely; moved again so soon, it is another projector. */
const LOST_AGAIN_MS = 10_000;

/** A log may be replaced under a running projector, behind a reconnect: how long it is trusted to be the same. */
const TRUST_LOG_MS = 10_000;

/**
 * Keeps the read models up to date with the log.
 *
 *     starting ── checkpoint and log fit ──▶ following ── another one wrote, again ──▶ standing by
 *        ▲  │                                    │                                   │
 *        │  └── they do not fit ──▶ ended        ├── an event cannot be ──▶ ended    │
 *        └──── after a pause ◀── Postgres or the log is away ◀───────────────────────┘ it stands still
 *
 * Any number may run: the checkpoint lets one write at a time, and each event is projected exactly once.
 */
export class Projector {
  private checkpoint: Checkpoint | null = null;
  private logCheckedAt = 0;
  private lostAt = 0;
  private readonly em: EntityManager;
  private readonly backoff: Backoff;

  constructor(private readonly options: ProjectorOptions) {
    this.em = options.em.fork({ schema: schemaName(options.schema ?? LIVE_SCHEMA) });
    this.backoff = new Backoff(100, options.maxRetryMs ?? 5_000);
  }

  /** The log is reflected up to here, as far as this projector knows: 0 before it has read the checkpoint. */
  get position(): Position {
    return this.checkpoint?.position ?? 0;
  }

  /**
   * Projects until `signal` aborts; a batch in hand is finished first. Waits for a Postgres or a log that is away.
   * @throws ProjectionError when going on would make the read models wrong; nothing is ever skipped
   */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.follow(await this.start(), signal);
        if (!signal.aborted) await this.retryAfter(new Error('The log ended its reader'), signal);
      } catch (error) {
        if (error instanceof ProjectionError) throw error;
        if (error instanceof CheckpointLost) await this.giveWay(signal);
        else await this.retryAfter(error, signal);
      }
    }
  }

  private async start(): Promise<Checkpoint> {
    const em = this.em.fork();
    let checkpoint = await loadCheckpoint(em);
    if (!checkpoint) {
      await createCheckpoint(em, (await this.options.reader.identify()).id);
      checkpoint = await loadCheckpoint(em);
      if (!checkpoint) throw new Error('The checkpoint was removed while it was made');
    }
    await this.verifyLog(checkpoint);
    this.checkpoint = checkpoint;
    return checkpoint;
  }

  private async verifyLog(checkpoint: Checkpoint): Promise<void> {
    checkLog(await this.options.reader.identify(), checkpoint);
    this.logCheckedAt = Date.now();
  }

  private async follow(from: Checkpoint, signal: AbortSignal): Promise<void> {
    const { reader, maxBatch = 500 } = this.options;
    for await (const batch of reader.read(from.position, { signal, maxBatch })) {
      if (Date.now() - this.logCheckedAt > TRUST_LOG_MS) await this.verifyLog(this.checkpoint!);
      const fresh = batch.filter((event) => event.position > this.position);
      if (!hasEvents(fresh)) continue;
      await this.project(fresh);
      this.backoff.reset();
      if (signal.aborted) return;
    }
  }

  /** Writes a batch. One that Postgres refuses is halved until the event that it refuses is found. */
  private async project(events: Batch): Promise<void> {
    try {
      this.checkpoint = await writeBatch(this.em.fork(), events, this.checkpoint!);
    } catch (error) {
      if (!(error instanceof MisfitEvent || isDataError(error))) throw error;
      if (events.length === 1) throw poison(events[0], error);
      const half = Math.ceil(events.length / 2);
      for (const part of [events.slice(0, half), events.slice(half)]) if (hasEvents(part)) await this.project(part);
      return;
    }
    const { position } = events[events.length - 1]!;
    this.options.onProgress?.({ position, events: events.length });
  }

  /** Goes on from where the checkpoint stands now; the second time in a row, leaves the work to the other. */
  private async giveWay(signal: AbortSignal): Promise<void> {
    const isFirst = Date.now() - this.lostAt > LOST_AGAIN_MS;
    this.lostAt = Date.now();
    if (isFirst) this.options.logger.log('The checkpoint was moved: going on from there');
    else await this.standBy(signal);
  }

  /** Watches the one that won, and ends when it stands still: dead, or there is nothing to project. */
  private async standBy(signal: AbortSignal): Promise<void> {
    const { logger, standbyMs = 2_000 } = this.options;
    logger.log('Another projector is at work: standing by');
    let before: Position | null = null;
    while (!signal.aborted) {
      try {
        this.checkpoint = await loadCheckpoint(this.em.fork());
        if (this.position === before) return;
        before = this.position;
        await pauseFor(standbyMs, signal);
      } catch (error) {
        await this.retryAfter(error, signal);
      }
    }
  }

  private async retryAfter(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.options.logger.warn(`Projection interrupted at position ${this.position}, will go on: ${reason}`);
    await this.backoff.pause(signal);
  }
}

type Batch = readonly [RecordedEvent, ...RecordedEvent[]];

function hasEvents(events: readonly RecordedEvent[]): events is Batch {
  return events.length > 0;
}

function poison({ position, type, generationId }: RecordedEvent, cause: unknown): ProjectionError {
  return new ProjectionError(
    'poison_event',
    `The event at position ${position} (${type} of generation ${generationId}) cannot be projected: ` +
      `${(cause as Error).message}. The read models stand right before it.`,
    { cause },
  );
}
