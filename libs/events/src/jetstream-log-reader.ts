import { DeliverPolicy, type Consumer, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import type { QueuedIterator, Status } from '@nats-io/nats-core';
import type { Broker } from './connect.js';
import { decodeMessage } from './envelope.js';
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

  /** Position of the first event that was written at or after a time; beyond the last one when there is none. */
  async positionAt(time: Date): Promise<Position> {
    const { last } = await this.identify();
    try {
      const first = await this.broker.manager.direct.getMessage(EVENTS_STREAM, { start_time: time });
      return first?.seq ?? last + 1;
    } catch (error) {
      throw readError(error);
    }
  }

  /** When the first event after a position was written; null when there is none. */
  async timeAfter(position: Position): Promise<Date | null> {
    const query = { seq: position + 1, next_by_subj: ALL_GENERATIONS };
    try {
      return (await this.broker.manager.direct.getMessage(EVENTS_STREAM, query))?.time ?? null;
    } catch (error) {
      throw readError(error);
    }
  }

  async *read(
    after: Position,
    { signal, maxBatch = 500 }: { signal: AbortSignal; maxBatch?: number },
  ): AsyncIterable<readonly RecordedEvent[]> {
    if (signal.aborted) return;
    const { consumer, messages } = await this.#consume(after, maxBatch);
    const statuses = this.broker.connection.status() as QueuedIterator<Status>;
    void stopWhenLost(statuses, messages);
    const stop = (): void => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    let batch: RecordedEvent[] = [];
    try {
      for await (const message of messages) {
        batch.push(decodeMessage(message, message.seq));
        if (batch.length < maxBatch && isMoreAtHand(messages, message)) continue;
        yield batch;
        batch = [];
      }
    } catch (error) {
      throw readError(error);
    } finally {
      signal.removeEventListener('abort', stop);
      statuses.stop();
      stop();
      // The server forgets it by itself, but only after minutes.
      if (this.broker.connected) await consumer.delete().catch(() => undefined);
    }
  }

  async #consume(after: Position, maxBatch: number): Promise<{ consumer: Consumer; messages: ConsumerMessages }> {
    try {
      const consumer = await this.broker.jetstream.consumers.get(EVENTS_STREAM, {
        filter_subjects: ALL_GENERATIONS,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: after + 1,
      });
      // Read through the iterator: the client then asks for more only as far as what it brought was taken.
      return { consumer, messages: await consumer.consume({ max_messages: 2 * maxBatch }) };
    } catch (error) {
      throw readError(error);
    }
  }
}

/**
 * Whether the next message is here, or surely on its way. The client alone counts one too many while it asks for more;
 * the server says with each message how many come after it. Events must not wait for what may never come.
 */
function isMoreAtHand(messages: ConsumerMessages, { info }: JsMsg): boolean {
  return messages.getPending() > 0 && info.pending > 0;
}

/**
 * The client finds its own way back after a lost connection, but may take most of a minute: when the server is there
 * before its streams are, it waits as long as a pull lasts (30 s, give or take half) before it looks again.
 */
async function stopWhenLost(statuses: AsyncIterable<Status>, messages: ConsumerMessages): Promise<void> {
  for await (const { type } of statuses) {
    if (type === 'disconnect') messages.stop(new EventStoreError('unavailable', 'The connection to NATS was lost'));
  }
}
