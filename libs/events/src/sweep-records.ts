import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { GenerationNotes } from './generation-notes.js';
import { readError } from './jetstream-event-store.js';
import { CONTROL_BUCKET, SWEEP_TURN_KEY, sweptKey } from './subjects.js';

/** So often a generation is sent on, without a step forward in between, before it is called stuck. */
export const MAX_SENDS = 3;

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
    private readonly notes: GenerationNotes,
  ) {}

  static async open(broker: Broker): Promise<SweepRecords> {
    const bucket = await new Kvm(broker.jetstream).open(CONTROL_BUCKET);
    return new SweepRecords(broker, bucket, await GenerationNotes.open(broker, sweptKey));
  }

  /**
   * Whether it is this process's turn to sweep: of any number, one has it in each interval. Who dies in its turn loses
   * it; the next one comes. @throws EventStoreError `unavailable`
   */
  async takeTurn(now: Date, everyMs: number): Promise<boolean> {
    try {
      this.broker.assertConnected();
      const last = await this.bucket.get(SWEEP_TURN_KEY);
      if (last && Math.abs(now.getTime() - Date.parse(last.string())) < everyMs) return false;
      const text = now.toISOString();
      await (last ? this.bucket.update(SWEEP_TURN_KEY, text, last.revision) : this.bucket.create(SWEEP_TURN_KEY, text));
      return true;
    } catch (error) {
      if (isWrongLastSequence(error)) return false;
      throw readError(error);
    }
  }

  /** Null when it was never sent on, or has moved on since. @throws EventStoreError `unavailable` */
  async of(generationId: string, version: number): Promise<SweepRecord | null> {
    const record = await this.#read(generationId);
    return record?.version === version ? record : null;
  }

  /** @throws EventStoreError `unavailable` */
  async write(generationId: string, record: SweepRecord): Promise<void> {
    await this.notes.write(generationId, JSON.stringify(record));
  }

  /** Lets the count begin anew. @throws EventStoreError `unavailable` */
  async forget(generationId: string): Promise<void> {
    await this.notes.remove(generationId);
  }

  /** Ids of the generations that were ever sent on and are not forgotten. @throws EventStoreError `unavailable` */
  all(): Promise<string[]> {
    return this.notes.ids();
  }

  /** Those of them that were sent on as often as they are. @throws EventStoreError `unavailable` */
  async givenUp(): Promise<string[]> {
    const given: string[] = [];
    for (const id of await this.all()) {
      const record = await this.#read(id);
      if (record && record.sends >= MAX_SENDS) given.push(id);
    }
    return given;
  }

  async #read(generationId: string): Promise<SweepRecord | null> {
    const text = await this.notes.read(generationId);
    return text === null ? null : (JSON.parse(text) as SweepRecord);
  }
}
