import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { GroupCommit } from './group-commit.js';
import { readError } from './jetstream-event-store.js';
import { keySubject } from './subjects.js';

const encoder = new TextEncoder();

/** A bucket in which the first to write a key keeps it, for as long as the bucket keeps anything. */
export class Claims {
  readonly #commits: GroupCommit;

  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
    private readonly name: string,
  ) {
    this.#commits = new GroupCommit(broker);
  }

  static async open(broker: Broker, bucket: string): Promise<Claims> {
    return new Claims(broker, await new Kvm(broker.jetstream).open(bucket), bucket);
  }

  /**
   * Answers the value that holds the key: `value` if nobody held it before. Repeating a claim is harmless.
   * @param key made by bucketKey()
   * @throws EventStoreError `unavailable`; the claim may then have been made or not: ask again
   */
  async claim(key: string, value: string): Promise<string> {
    try {
      await this.#commits.publish({
        subject: keySubject(this.name, key),
        headers: { 'Nats-Expected-Last-Subject-Sequence': '0' },
        body: encoder.encode(value),
      });
      return value;
    } catch (error) {
      if (!isWrongLastSequence(error)) throw readError(error);
    }
    return (await this.holder(key)) ?? this.#claimDeleted(key, value);
  }

  /** Who holds the key; null when nobody does. */
  async holder(key: string): Promise<string | null> {
    try {
      this.broker.assertConnected();
      const entry = await this.bucket.get(key);
      return entry?.operation === 'PUT' ? entry.string() : null;
    } catch (error) {
      throw readError(error);
    }
  }

  /** An operator has deleted the key: the client knows how to write over what that leaves. */
  async #claimDeleted(key: string, value: string): Promise<string> {
    try {
      this.broker.assertConnected();
      await this.bucket.create(key, value);
      return value;
    } catch (error) {
      throw readError(error);
    }
  }
}
