import { isTerminal, type Generation } from '@darkroom/domain';
import type { Broker } from './connect.js';
import { EnvelopeError } from './envelope.js';
import type { EventStore, RecordedEvent } from './event-store.js';
import { snapshotOf } from './execute.js';
import type { WorkStage } from './subjects.js';
import { MAX_SENDS, type SweepRecords } from './sweep-records.js';
import { WorkFinder } from './work-finder.js';
import { workFor } from './work-for.js';
import { WorkQueue } from './work-queue.js';

/**
 * How a generation stands, by the log and the work queue:
 * `fine` has ended, has just moved, waits in a queue or for its time, or is worked on; `lost` waits, and there is no work of it, so it would
 * wait for ever; `given_up` was lost and sent on several times, and has not moved; `unreadable` has an event that this
 * release cannot read; `unknown` is not in the log.
 */
export type Standing = 'fine' | 'lost' | 'given_up' | 'unreadable' | 'unknown';

export interface Examined {
  readonly id: string;
  readonly standing: Standing;
  /** Null when it cannot be read. */
  readonly generation: Generation | null;
  /** Whether there is work of it; null when nobody looked. */
  readonly hasWork: boolean | null;
  /** ISO 8601 UTC, of its last event. */
  readonly since: string | null;
  /** What the missing work is made from: the fact that asked for an attempt, or the newest one of an attempt in hand. */
  readonly cause: RecordedEvent | null;
}

/** The work that a generation was sent on with. */
export interface SentOn {
  readonly stage: WorkStage;
  /** ISO 8601 UTC; null: at once. */
  readonly at: string | null;
}

/** Finds generations whose work is lost, and puts it again. */
export class Mender {
  readonly #work: WorkFinder;
  readonly #queue: WorkQueue;

  constructor(
    broker: Broker,
    private readonly store: EventStore,
    private readonly records: SweepRecords,
  ) {
    this.#work = new WorkFinder(broker);
    this.#queue = new WorkQueue(broker);
  }

  /** Every generation of which there is work: none of these is lost. @throws EventStoreError `unavailable` */
  withWork(): Promise<ReadonlySet<string>> {
    return this.#work.all();
  }

  /**
   * The truth about one generation, whatever a read model says of it.
   * @param quietSince what has happened after this, ISO 8601 UTC, is just being dealt with
   * @throws EventStoreError `unavailable`
   */
  async examine(id: string, quietSince: string): Promise<Examined> {
    let events: readonly RecordedEvent[];
    try {
      ({ events } = await this.store.load(id));
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      return { id, standing: 'unreadable', generation: null, hasWork: null, since: null, cause: null };
    }
    const { state: generation } = snapshotOf(events);
    const since = events.at(-1)?.time ?? null;
    const cause = generation && ((generation.current ? events.at(-1) : events[generation.stageSince - 1]) ?? null);
    const found = { id, generation, hasWork: null, since, cause };
    if (!generation || since === null) return { ...found, standing: 'unknown' };
    if (isTerminal(generation.status) || since > quietSince) return { ...found, standing: 'fine' };
    // After the log: what was in a worker's hands until just now has left its next fact there.
    const hasWork = await this.#work.has(id);
    if (hasWork) return { ...found, hasWork, standing: 'fine' };
    const record = await this.records.of(id, generation.version);
    return { ...found, hasWork, standing: (record?.sends ?? 0) >= MAX_SENDS ? 'given_up' : 'lost' };
  }

  /**
   * Puts the work again that a lost generation waits for. Null when somebody else did so first. A crash in the midst
   * means at most that one time is not counted.
   * @throws EventStoreError `unavailable`
   */
  async sendOn({ id, generation, cause }: Examined, now: string): Promise<SentOn | null> {
    if (!generation || !cause) return null;
    const { current, request } = generation;
    // An attempt in hand has its slot, and goes on: nobody would let it in a second time.
    const work = current ? { stage: current.stage, lane: request.lane, at: null } : workFor(cause, generation);
    if (!work) return null;
    const at = work.at !== null && work.at > now ? work.at : null;
    // What was to begin goes the way of all beginnings: past the limit of its user.
    const begins = cause.type === 'GenerationRequested' || cause.type === 'RetryRequested';
    const stage = begins && request.concurrency_limit !== null ? 'admit' : work.stage;
    if (!(await this.#queue.putAgain(cause, stage, work.lane, at))) return null;
    const before = await this.records.of(id, generation.version);
    await this.records.write(id, { version: generation.version, sends: (before?.sends ?? 0) + 1, at: now });
    return { stage, at };
  }

  /** As `sendOn`, for an operator: what was given up on begins anew. @throws EventStoreError `unavailable` */
  async release(examined: Examined, now: string): Promise<SentOn | null> {
    await this.records.forget(examined.id);
    return this.sendOn(examined, now);
  }
}
