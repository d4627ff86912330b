import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { EventStoreError } from './event-store.js';
import { readError } from './jetstream-event-store.js';

/** A bucket in which the first to write a key keeps it, for as long as the bucket keeps anything. */
export class Claims {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker, bucket: string): Promise<Claims> {
    return new Claims(broker, await new Kvm(broker.jetstream).open(bucket));
  }

  /**
   * Answers the value that holds the key: `value` if nobody held it before. Repeating a claim is harmless.
   * @param key made by bucketKey()
   * @throws EventStoreError `unavailable`; the claim may then have been made or not: ask again
   */
  async claim(key: string, value: string): Promise<string> {
    try {
      this.broker.assertConnected();
      await this.bucket.create(key, value);
      return value;
    } catch (error) {
      if (!isWrongLastSequence(error)) throw readError(error);
    }
    const holder = await this.holder(key);
    if (holder === null) throw new EventStoreError('unavailable', 'A claim was refused and is not there');
    return holder;
  }

  /** Who holds the key; null when nobody does. */
  async holder(key: string): Promise<string | null> {
    try {
      this.broker.assertConnected();
      return (await this.bucket.get(key))?.string() ?? null;
    } catch (error) {
      throw readError(error);
    }
  }
}
