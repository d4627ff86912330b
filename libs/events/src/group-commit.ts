import { JetStreamApiError, type PubAck } from '@nats-io/jetstream';
import { nuid } from '@nats-io/nats-core';
import { isServerAtLeast, type Broker } from './connect.js';
import { EventStoreError } from './event-store.js';
import { SentHeaders } from './header-block.js';

/**
 * As many messages as a batch must have to be worth its price, which is that of about ten flushes (docs/adr/0025): so many
 * may be on their way one by one, and so many must wait for a batch to be made.
 */
const WORTH_A_BATCH = 12;

/** The server takes 1,000 messages; shared by so many, a flush is next to nothing. */
const LARGEST_BATCH = 128;
const LARGEST_BATCH_BYTES = 1_048_576;

/** The first server that flushes a batch once, at its end; others flush each of its messages (nats-server, #8539). */
const FLUSHES_ONCE = [2, 15] as const;

/** A message for a stream that takes atomic batches. Its headers tell the last sequence that is expected on its subject. */
export interface Message {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export type Stored = Pick<PubAck, 'seq' | 'duplicate'>;

interface Waiting {
  readonly message: Message;
  readonly settle: (stored: Stored) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Group commit: the server flushes each message to disk before it answers, one after the other, so whatever waits for
 * that while others are on their way is sent as one atomic batch, with one flush. A message by itself waits for nothing.
 *
 * Each message is stored or refused as if it had been sent alone: a batch that the server refuses, for one of its messages,
 * is sent again one by one. That is safe, also where the refusal came too late, because every message must say what it
 * expects to find before it: what is there already is refused.
 */
export class GroupCommit {
  readonly #waiting: Waiting[] = [];
  #alone = 0;
  #committing = false;

  constructor(private readonly broker: Broker) {}

  /** @throws what `JetStreamClient.publish` throws; EventStoreError `unavailable` when it was not sent */
  publish(message: Message): Promise<Stored> {
    return new Promise((settle, fail) => {
      this.#waiting.push({ message, settle, fail });
      this.#sendNext();
    });
  }

  #sendNext(): void {
    while (this.#waiting.length > 0 && !this.#committing) {
      if (this.#batches()) void this.#sendTogether(this.#takeBatch());
      else if (this.#alone < WORTH_A_BATCH || !this.#mayBatch()) void this.#sendAlone(this.#waiting.shift()!);
      else return;
    }
  }

  #batches(): boolean {
    return this.#waiting.length >= WORTH_A_BATCH && this.#mayBatch();
  }

  /** Replicas write many messages with one flush by themselves: a batch gains nothing there. */
  #mayBatch(): boolean {
    const { connection } = this.broker;
    return isServerAtLeast(connection, FLUSHES_ONCE) && connection.info?.cluster === undefined;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    const tooMany = this.#waiting.findIndex(
      ({ message: { body } }, index) => index === LARGEST_BATCH || (bytes += body.length) > LARGEST_BATCH_BYTES,
    );
    return this.#waiting.splice(0, tooMany < 0 ? this.#waiting.length : Math.max(tooMany, 1));
  }

  /** Never rejects. */
  async #sendAlone({ message, settle, fail }: Waiting): Promise<void> {
    this.#alone++;
    try {
      settle(await this.#publish(message));
    } catch (error) {
      fail(error);
    } finally {
      this.#alone--;
      this.#sendNext();
    }
  }

  /** Never rejects. */
  async #sendTogether(batch: readonly Waiting[]): Promise<void> {
    this.#committing = true;
    try {
      // In one stream, without a gap: so the last one's place tells those of all.
      const { seq } = await this.#publishBatch(batch.map(({ message }) => message));
      batch.forEach(({ settle }, index) => settle({ seq: seq - (batch.length - 1 - index), duplicate: false }));
    } catch (error) {
      if (error instanceof JetStreamApiError) for (const each of batch) void this.#sendAlone(each);
      else {
        for (const { fail } of batch) fail(error);
        // Batch by batch, each of them would wait as long for a server that does not answer.
        const unsent = new EventStoreError('unavailable', 'JetStream did not answer those before');
        for (const { fail } of this.#waiting.splice(0)) fail(unsent);
      }
    } finally {
      this.#committing = false;
      this.#sendNext();
    }
  }

  /** Answers where the last one stands (NATS ADR-50). The client's own batches drop what is to be checked. */
  async #publishBatch(messages: readonly Message[]): Promise<PubAck> {
    this.broker.assertConnected();
    const id = nuid.next();
    const numbered = messages.map(({ subject, headers, body }, index) => ({
      subject,
      body,
      headers: {
        ...headers,
        'Nats-Batch-Id': id,
        'Nats-Batch-Sequence': String(index + 1),
        ...(index === messages.length - 1 && { 'Nats-Batch-Commit': '1' }),
      },
    }));
    for (const { subject, headers, body } of numbered.slice(0, -1)) {
      this.broker.connection.publish(subject, body, { headers: new SentHeaders(headers) });
    }
    return this.#publish(numbered.at(-1)!);
  }

  #publish({ subject, headers, body }: Message): Promise<PubAck> {
    this.broker.assertConnected();
    return this.broker.jetstream.publish(subject, body, { headers: new SentHeaders(headers) });
  }
}
