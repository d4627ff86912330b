import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { CONTROL_BUCKET, SWEEP_TURN_KEY, sweptKey } from './subjects.js';

/** So often a generation is sent on, without a step forward in between, before it is called stuck. */
export const MAX_SENDS = 3;

/** A bucket is a stream with a subject for each key (NATS ADR-8). */
const BUCKET_STREAM = `KV_${CONTROL_BUCKET}`;
const bucketSubject = (key: string): string => `$KV.${CONTROL_BUCKET}.${key}`;

/** How often a generation was sent on as it is. */
export interface SweepRecord {
  /** Its version then: when it has another, it has moved on, and the count begins anew. */
  readonly version: number;
  readonly sends: number;
  /** ISO 8601 UTC, of the last one. */
  readonly at: string;
}

/** What all sweepers together know, in CONTROL. */
export class SweepRecords {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker): Promise<SweepRecords> {
    return new SweepRecords(broker, await new Kvm(broker.jetstream).open(CONTROL_BUCKET));
  }

  /**
   * Whether it is this process's turn to sweep: of any number, one has it in each interval. Who dies in its turn loses
   * it; the next one comes. @throws EventStoreError `unavailable`
   */
  async takeTurn(now: Date, everyMs: number): Promise<boolean> {
    return this.#reaching(async () => {
      const last = await this.bucket.get(SWEEP_TURN_KEY);
      if (last && Math.abs(now.getTime() - Date.parse(last.string())) < everyMs) return false;
      try {
        const text = now.toISOString();
        await (last
          ? this.bucket.update(SWEEP_TURN_KEY, text, last.revision)
          : this.bucket.create(SWEEP_TURN_KEY, text));
        return true;
      } catch (error) {
        if (isWrongLastSequence(error)) return false;
        throw error;
      }
    });
  }

  /** Null when it was never sent on, or has moved on since. @throws EventStoreError `unavailable` */
  async of(generationId: string, version: number): Promise<SweepRecord | null> {
    return this.#reaching(async () => {
      const record = await this.#read(sweptKey(generationId));
      return record?.version === version ? record : null;
    });
  }

  /** @throws EventStoreError `unavailable` */
  async write(generationId: string, record: SweepRecord): Promise<void> {
    await this.#reaching(() => this.bucket.put(sweptKey(generationId), JSON.stringify(record)));
  }

  /** Lets the count begin anew. @throws EventStoreError `unavailable` */
  async forget(generationId: string): Promise<void> {
    // Not the bucket's own purge: that leaves a marker for ever, one for each generation.
    const filter = bucketSubject(sweptKey(generationId));
    await this.#reaching(() => this.broker.manager.streams.purge(BUCKET_STREAM, { filter }));
  }

  /** Ids of the generations that were ever sent on and are not forgotten. @throws EventStoreError `unavailable` */
  async all(): Promise<string[]> {
    const subjects_filter = bucketSubject(sweptKey('*'));
    const { state } = await this.#reaching(() => this.broker.manager.streams.info(BUCKET_STREAM, { subjects_filter }));
    return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(subject.lastIndexOf('.') + 1));
  }

  /** Those of them that were sent on as often as they are. @throws EventStoreError `unavailable` */
  async givenUp(): Promise<string[]> {
    const given: string[] = [];
    for (const id of await this.all()) {
      const record = await this.#reaching(() => this.#read(sweptKey(id)));
      if (record && record.sends >= MAX_SENDS) given.push(id);
    }
    return given;
  }

  async #read(key: string): Promise<SweepRecord | null> {
    const entry = await this.bucket.get(key);
    return entry?.operation === 'PUT' ? entry.json<SweepRecord>() : null;
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
