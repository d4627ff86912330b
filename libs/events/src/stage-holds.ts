import type { ConsumerInfo } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { CONTROL_BUCKET, holdKey, queuesOf, WORK_STREAM, workConsumer, type ServedStage } from './subjects.js';

/** Stages whose queue may stand still: nothing is lost or paid by it. Not cancel, which is what saves money. */
export const HOLDABLE_STAGES = ['generate', 'download'] as const satisfies readonly ServedStage[];
export type HoldableStage = (typeof HOLDABLE_STAGES)[number];

export const HOLD_REASONS = ['operator', 'out_of_credit'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** A stage that gives out no work, and why. */
export interface StageHold {
  readonly stage: HoldableStage;
  readonly reason: HoldReason;
  /** ISO 8601 UTC; null when nobody wrote it down. */
  readonly since: string | null;
  /** ISO 8601 UTC: when it ends by itself. Null: when it is resumed. */
  readonly until: string | null;
  readonly note: string | null;
  /** False when some of its lanes give out work all the same: its consumers were made anew by hand, for instance. */
  readonly complete: boolean;
}

/** What the bucket keeps of a hold: the consumers know only until when. */
interface HoldRecord {
  readonly since: string;
  readonly note: string | null;
}

/** The server measures a pause in nanoseconds, so no date is farther than 292 years. */
const FOR_EVER = new Date('2200-01-01T00:00:00.000Z');

/**
 * Holds stages back: the consumers of their lanes are paused at the broker, so it takes effect at once for every worker,
 * and outlives all of them and the broker's restart. What is in a worker's hands is finished. CONTROL says who, since
 * when and why.
 *
 * Two may hold the same stage for two reasons. An operator's pause always wins: it is written down before the consumers
 * are paused, and whoever pauses them for a time looks for it afterwards.
 */
export class StageHolds {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker): Promise<StageHolds> {
    return new StageHolds(broker, await new Kvm(broker.jetstream).open(CONTROL_BUCKET));
  }

  /** Until it is resumed. Once more: the note is replaced by a new one. @throws EventStoreError `unavailable` */
  async pause(stage: HoldableStage, note: string | null): Promise<void> {
    await this.#reaching(async () => {
      const before = await this.#read(stage, 'operator');
      const since = before?.since ?? new Date().toISOString();
      const record = { since, note: note ?? before?.note ?? null };
      await this.#write(stage, 'operator', record);
      await this.#pauseLanes(stage, FOR_EVER);
      // Who resumed it meanwhile did so before it was paused: it is, so let it be known why.
      if (!(await this.#read(stage, 'operator'))) await this.#write(stage, 'operator', record);
    });
  }

  /**
   * Until a time, by Darkroom itself. Never shortens a pause, neither an operator's nor an earlier one of this kind. Any
   * number of workers may call it at once. @throws EventStoreError `unavailable`
   */
  async hold(stage: HoldableStage, reason: Exclude<HoldReason, 'operator'>, until: Date): Promise<void> {
    await this.#reaching(async () => {
      const before = isHeld(await this.#lanes(stage)) ? await this.#read(stage, reason) : null;
      if (!before) await this.#write(stage, reason, { since: new Date().toISOString(), note: null });
      await this.#pauseLanes(stage, until);
      if (await this.#read(stage, 'operator')) await this.#pauseLanes(stage, FOR_EVER);
    });
  }

  /** Ends every hold of a stage. False when there was none. @throws EventStoreError `unavailable` */
  async resume(stage: HoldableStage): Promise<boolean> {
    return this.#reaching(async () => {
      const held = isHeld(await this.#lanes(stage)) || (await this.#read(stage, 'operator')) !== null;
      for (const reason of HOLD_REASONS) await this.bucket.delete(holdKey(stage, reason));
      for (const consumer of consumersOf(stage)) await this.broker.manager.consumers.resume(WORK_STREAM, consumer);
      return held;
    });
  }

  /** As the broker does it at this moment, whatever was written down. @throws EventStoreError `unavailable` */
  async list(): Promise<readonly StageHold[]> {
    return this.#reaching(async () => (await Promise.all(HOLDABLE_STAGES.map((stage) => this.#holdsOf(stage)))).flat());
  }

  async #holdsOf(stage: HoldableStage): Promise<StageHold[]> {
    const lanes = await this.#lanes(stage);
    const [operator, credit] = [await this.#read(stage, 'operator'), await this.#read(stage, 'out_of_credit')];
    const ends = lanes.filter(isPaused).map(pausedUntil);
    const complete = ends.length === lanes.length;
    if (operator || ends.some(isForEver)) {
      const allForEver = complete && ends.every(isForEver);
      const { since = null, note = null } = operator ?? {};
      return [{ stage, reason: 'operator', since, until: null, note, complete: allForEver }];
    }
    if (ends.length === 0) return [];
    const until = new Date(Math.max(...ends)).toISOString();
    return [{ stage, reason: 'out_of_credit', since: credit?.since ?? null, until, note: null, complete }];
  }

  async #pauseLanes(stage: HoldableStage, until: Date): Promise<void> {
    for (const lane of await this.#lanes(stage)) {
      if (isPaused(lane) && pausedUntil(lane) >= until.getTime()) continue;
      await this.broker.manager.consumers.pause(WORK_STREAM, lane.name, until);
    }
  }

  #lanes(stage: HoldableStage): Promise<ConsumerInfo[]> {
    const { consumers } = this.broker.manager;
    return Promise.all(consumersOf(stage).map((consumer) => consumers.info(WORK_STREAM, consumer)));
  }

  async #read(stage: HoldableStage, reason: HoldReason): Promise<HoldRecord | null> {
    const entry = await this.bucket.get(holdKey(stage, reason));
    return entry?.operation === 'PUT' ? entry.json<HoldRecord>() : null;
  }

  async #write(stage: HoldableStage, reason: HoldReason, record: HoldRecord): Promise<void> {
    await this.bucket.put(holdKey(stage, reason), JSON.stringify(record));
  }

  async #reaching<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.broker.assertConnected();
      return await work();
    } catch (error) {
      throw readError(error);
    }
  }
}

function consumersOf(served: HoldableStage): string[] {
  return queuesOf(served).map(({ stage, lane }) => workConsumer(stage, lane));
}

function isPaused(lane: ConsumerInfo): boolean {
  return lane.paused === true;
}

function isHeld(lanes: readonly ConsumerInfo[]): boolean {
  return lanes.some(isPaused);
}

function pausedUntil({ config }: ConsumerInfo): number {
  return Date.parse(config.pause_until ?? '');
}

function isForEver(until: number): boolean {
  return until >= FOR_EVER.getTime();
}
