import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import type { Broker } from './connect.js';
import { decode } from './envelope.js';
import { EventStoreError, type Position, type RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import type { LogIdentity, LogReader } from './log-reader.js';
import { ALL_GENERATIONS, EVENTS_STREAM } from './subjects.js';
import { LOG_ID } from './provision.js';

/** Reads EVENTS with an ordered consumer: the client library finds gaps by itself and asks again from there. */
export class JetStreamLogReader implements LogReader {
  constructor(private readonly broker: Broker) {}

  async identify(): Promise<LogIdentity> {
    try {
      this.broker.assertConnected();
      const { config, state } = await this.broker.manager.streams.info(EVENTS_STREAM);
      const id = config.metadata?.[LOG_ID];
      if (!id) throw new EventStoreError('unavailable', 'The stream EVENTS carries no identity: provision it first');
      return { id, first: state.first_seq, last: state.last_seq };
    } catch (error) {
      throw readError(error);
    }
  }

  async *read(
    after: Position,
    { signal, maxBatch = 500 }: { signal: AbortSignal; maxBatch?: number },
  ): AsyncIterable<readonly RecordedEvent[]> {
    if (signal.aborted) return;
    const consumer = await this.broker.jetstream.consumers.get(EVENTS_STREAM, {
      filter_subjects: ALL_GENERATIONS,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: after + 1,
    });
    const inbox = new Inbox(maxBatch);
    const messages = await consumer.consume({ max_messages: maxBatch, callback: (message) => inbox.put(message) });
    const stop = (): void => {
      inbox.close();
      messages.stop();
    };
    signal.addEventListener('abort', stop, { once: true });
    void messages.closed().then((error) => inbox.close(error instanceof Error ? error : undefined));
    try {
      for (let batch = await inbox.take(); batch; batch = await inbox.take()) {
        yield batch.map((message) => decode(message.headers, message.data, message.seq));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
    }
  }
}

/** What has arrived and was not yet taken. */
class Inbox {
  #messages: JsMsg[] = [];
  #closed = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(private readonly maxBatch: number) {}

  put(message: JsMsg): void {
    this.#messages.push(message);
    this.#wake?.();
  }

  close(error?: Error): void {
    this.#closed = true;
    this.#error ??= error;
    this.#wake?.();
  }

  /** Waits for messages; null when closed. */
  async take(): Promise<readonly JsMsg[] | null> {
    while (this.#messages.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#error) throw readError(this.#error);
    if (this.#closed) return null;
    return this.#messages.splice(0, this.maxBatch);
  }
}
