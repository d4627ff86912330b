import { JetStreamApiError } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { EventStoreError } from './event-store.js';
import { readError } from './jetstream-event-store.js';

/** A value, and which of its versions it is. */
export interface StoredDocument {
  /** Null when there is none: never was, expired, or deleted by an operator. */
  readonly text: string | null;
  readonly revision: number;
}

/** A bucket whose values are changed by comparing and swapping only. */
export class Documents {
  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
  ) {}

  static async open(broker: Broker, bucket: string): Promise<Documents> {
    return new Documents(broker, await new Kvm(broker.jetstream).open(bucket));
  }

  /**
   * With several replicas it may be a moment old.
   * @param key made by bucketKey()
   * @throws EventStoreError `unavailable`
   */
  async get(key: string): Promise<StoredDocument> {
    try {
      this.broker.assertConnected();
      const entry = await this.bucket.get(key);
      if (!entry) return { text: null, revision: 0 };
      return { text: entry.operation === 'PUT' ? entry.string() : null, revision: entry.revision };
    } catch (error) {
      throw readError(error);
    }
  }

  /**
   * Writes it if, and only if, it still is what was read. Answers whether it was.
   * @param revision of the document that was read
   * @throws EventStoreError `unavailable`, or `unknown`: it may or may not have been written
   */
  async put(key: string, text: string, revision: number): Promise<boolean> {
    this.broker.assertConnected();
    try {
      await this.bucket.put(key, text, { previousSeq: revision });
      return true;
    } catch (error) {
      if (isWrongLastSequence(error)) return false;
      const failed = readError(error);
      if (!(failed instanceof EventStoreError) || error instanceof JetStreamApiError) throw failed;
      throw new EventStoreError('unknown', 'It is not known whether a document was written', { cause: error });
    }
  }
}
