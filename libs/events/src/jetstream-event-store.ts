import { JetStreamApiError, JetStreamError } from '@nats-io/jetstream';
import {
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  NoRespondersError,
  RequestError,
  TimeoutError,
  type Msg,
} from '@nats-io/nats-core';
import { types } from 'node:util';
import { isWrongLastSequence } from './broker-errors.js';
import { REQUEST_TIMEOUT_MS, type Broker } from './connect.js';
import { attributesFor, decode, encodeBody } from './envelope.js';
import {
  EventStoreError,
  type EventStore,
  type LoadedStream,
  type NewEvent,
  type Position,
  type RecordedEvent,
} from './event-store.js';
import { GroupCommit } from './group-commit.js';
import { EVENTS_STREAM, generationSubject } from './subjects.js';
import { MAX_EVENT_BYTES } from './topology.js';

const MESSAGE_TOO_LARGE = new Set([10054]);
const STREAM_FULL = new Set([10077, 10047, 10023]);

/** More events than any generation has; a longer one is read on in pages. */
const PAGE = 256;

/** The log on JetStream: one stream, one subject per generation. Many appends at once are flushed together. */
export class JetStreamEventStore implements EventStore {
  readonly #appends: GroupCommit;

  constructor(private readonly broker: Broker) {
    this.#appends = new GroupCommit(broker);
  }

  async load(generationId: string): Promise<LoadedStream> {
    const events: RecordedEvent[] = [];
    for (let from = 1; ; from = (events.at(-1)?.position ?? 0) + 1) {
      const page = await this.#page(generationId, from);
      events.push(...page);
      if (page.length < PAGE) return { events, position: events.at(-1)?.position ?? 0 };
    }
  }

  async append(event: NewEvent, expected: Position): Promise<Position> {
    const body = encodeBody(event);
    if (body.length > MAX_EVENT_BYTES) {
      throw new EventStoreError('too_large', `The event has ${body.length} bytes; ${MAX_EVENT_BYTES} are allowed`);
    }
    const headers = {
      ...attributesFor(event),
      'Nats-Msg-Id': event.id,
      'Nats-Expected-Stream': EVENTS_STREAM,
      'Nats-Expected-Last-Subject-Sequence': String(expected),
    };
    try {
      const { seq, duplicate } = await this.#appends.publish({
        subject: generationSubject(event.generationId),
        headers,
        body,
      });
      // The same message id within the broker's window: it has been appended before, by us.
      if (duplicate) throw new EventStoreError('conflict', 'This event was already appended');
      return seq;
    } catch (error) {
      throw appendError(error);
    }
  }

  /**
   * All messages of one subject from a sequence on, in one round trip (batched direct get, ADR-31). The client's own
   * getBatch leaves its subscription behind, so the request is made here.
   */
  async #page(generationId: string, from: number): Promise<RecordedEvent[]> {
    this.broker.assertConnected();
    const query = { seq: from, batch: PAGE, next_by_subj: generationSubject(generationId) };
    const events: RecordedEvent[] = [];
    let complete = false;
    try {
      const answers = await this.broker.connection.requestMany(
        `$JS.API.DIRECT.GET.${EVENTS_STREAM}`,
        JSON.stringify(query),
        { strategy: 'sentinel', maxWait: REQUEST_TIMEOUT_MS },
      );
      for await (const message of answers) {
        const status = message.headers?.code ?? 0;
        if (status === 0) events.push(recorded(message));
        // 204: end of batch; 404: no such message. Both say that there is no more.
        else if (status === 204 || status === 404) complete = true;
        else throw new EventStoreError('unavailable', `JetStream answered ${status} to a read`);
      }
    } catch (error) {
      throw readError(error);
    }
    if (!complete) throw new EventStoreError('unavailable', 'JetStream did not answer a read in time');
    return events;
  }
}

function recorded(message: Msg): RecordedEvent {
  return decode(message.headers, message.data, Number(message.headers?.get('Nats-Sequence')));
}

/** What any failed call to JetStream means to a caller that only reads. */
export function readError(error: unknown): Error {
  if (error instanceof EventStoreError) return error;
  return isBrokerError(error)
    ? new EventStoreError('unavailable', `JetStream cannot be read: ${error.message}`, { cause: error })
    : asError(error);
}

function appendError(error: unknown): Error {
  if (error instanceof EventStoreError) return error;
  if (error instanceof JetStreamApiError) {
    if (isWrongLastSequence(error)) return storeError('conflict', error);
    if (MESSAGE_TOO_LARGE.has(error.code)) return storeError('too_large', error);
    if (STREAM_FULL.has(error.code)) return storeError('full', error);
    return storeError('unavailable', error);
  }
  if (isForNobody(error)) return storeError('unavailable', asError(error));
  return isBrokerError(error) ? storeError('unknown', error) : asError(error);
}

function storeError(kind: EventStoreError['kind'], cause: Error): EventStoreError {
  return new EventStoreError(kind, `JetStream: ${cause.message}`, { cause });
}

/** Errors that the client or the server gives; anything else is a defect of ours, and passes as it is. */
const BROKER_ERRORS = [
  TimeoutError,
  RequestError,
  NoRespondersError,
  JetStreamApiError,
  JetStreamError,
  ConnectionError,
  ClosedConnectionError,
  DrainingConnectionError,
];

function isBrokerError(error: unknown): error is Error {
  return BROKER_ERRORS.some((kind) => error instanceof kind) || isForNobody(error);
}

/**
 * Nobody listens on the stream's subject, because there is none or it has no leader: the message went nowhere. The client
 * wraps that into an error whose class it keeps to itself (`JetStreamNotEnabled`).
 */
function isForNobody(error: unknown): boolean {
  if (error instanceof NoRespondersError) return true;
  if (error instanceof RequestError) return error.isNoResponders();
  return types.isNativeError(error) && error.cause !== undefined && isForNobody(error.cause);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
