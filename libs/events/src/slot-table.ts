import type { Slots } from '@darkroom/domain';
import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { bucketKey, bucketStream, keySubject, SLOTS_BUCKET } from './subjects.js';

/** A user's slots, and the revision that a change has to be made on. */
export interface SlotsRead {
  /** Null: the user never had a limit. */
  readonly slots: Slots | null;
  readonly revision: number;
}

/** The bucket SLOTS: one entry per user, changed by compare-and-swap only. */
export class SlotTable {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker): Promise<SlotTable> {
    return new SlotTable(broker, await new Kvm(broker.jetstream).open(SLOTS_BUCKET));
  }

  /**
   * Read from the stream's leader, not from a copy that may be behind: whoever joins a line looks here afterwards, and
   * must not miss a slot that was freed before.
   * @throws EventStoreError `unavailable`
   */
  async read(userId: string): Promise<SlotsRead> {
    try {
      this.broker.assertConnected();
      const last_by_subj = keySubject(SLOTS_BUCKET, bucketKey(userId));
      const found = await this.broker.manager.streams.getMessage(bucketStream(SLOTS_BUCKET), { last_by_subj });
      return { slots: found && found.json<Slots>(), revision: found?.seq ?? 0 };
    } catch (error) {
      throw readError(error);
    }
  }

  /** False: somebody else has changed them since `revision`. Throws when it cannot tell whether they were written. */
  async write(slots: Slots, revision: number): Promise<boolean> {
    this.broker.assertConnected();
    try {
      await this.bucket.put(bucketKey(slots.user_id), JSON.stringify(slots), { previousSeq: revision });
      return true;
    } catch (error) {
      if (isWrongLastSequence(error)) return false;
      throw readError(error);
    }
  }

  /** Everybody who has something running, as they stand when they are read. */
  async *users(): AsyncGenerator<Slots, void, void> {
    const keys: string[] = [];
    for await (const key of await this.bucket.keys()) keys.push(key);
    for (const key of keys) {
      const slots = (await this.bucket.get(key))?.json<Slots>();
      if (slots && Object.keys(slots.running).length > 0) yield slots;
    }
  }
}
