import { headers, type MsgHdrs } from '@nats-io/nats-core';
import type { EventType } from '@darkroom/domain';
import type { NewEvent, Position, RecordedEvent } from './event-store.js';
import { newestVersion, upcast } from './upcasters.js';

/**
 * CloudEvents 1.0 in binary mode over NATS headers (CloudEvents NATS protocol binding 1.0.2): attributes are headers
 * with the prefix `ce-`, the body is the event's data as JSON. Ours beyond the core: aggregateversion, userid, commandid
 * and, from the distributed tracing extension, traceparent.
 */

const TYPES: Readonly<Record<EventType, string>> = {
  GenerationRequested: 'darkroom.generation.requested',
  AttemptStarted: 'darkroom.generation.attempt-started',
  PredictionCreated: 'darkroom.generation.prediction-created',
  Generated: 'darkroom.generation.generated',
  Downloaded: 'darkroom.generation.downloaded',
  AttemptFailed: 'darkroom.generation.attempt-failed',
  Failed: 'darkroom.generation.failed',
  Cancelled: 'darkroom.generation.cancelled',
  RetryRequested: 'darkroom.generation.retry-requested',
};

const BY_NAME = new Map(Object.entries(TYPES).map(([type, name]) => [name, type as EventType]));

/** Carries an event's position in the log when the event travels as work, in another stream. */
const POSITION_HEADER = 'Darkroom-Position';

/** A message that is no event of ours. */
export class EnvelopeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EnvelopeError';
  }
}

/** An event that only a newer release of Darkroom understands: leave it to one. */
export class NewerEventError extends EnvelopeError {}

/** The public, versioned name of an event type, e.g. `darkroom.generation.requested.v1`. */
export function typeName(type: EventType): string {
  return `${TYPES[type]}.v${newestVersion(TYPES[type])}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface EncodedEvent {
  readonly headers: MsgHdrs;
  readonly body: Uint8Array;
}

export function encode(event: NewEvent | RecordedEvent): EncodedEvent {
  const h = headers();
  h.set('ce-specversion', '1.0');
  h.set('ce-id', event.id);
  h.set('ce-type', typeName(event.type));
  h.set('ce-source', event.source);
  h.set('ce-time', event.time);
  h.set('ce-subject', event.generationId);
  h.set('ce-datacontenttype', 'application/json');
  h.set('ce-aggregateversion', String(event.version));
  h.set('ce-userid', encodeURIComponent(event.userId));
  h.set('ce-commandid', event.commandId);
  if (event.traceparent) h.set('ce-traceparent', event.traceparent);
  if ('position' in event) h.set(POSITION_HEADER, String(event.position));
  return { headers: h, body: encoder.encode(JSON.stringify(event.data)) };
}

/**
 * @param position where the message stands in the log; unset for work, which carries it in a header
 * @throws EnvelopeError
 */
export function decode(h: MsgHdrs | undefined, body: Uint8Array, position?: Position): RecordedEvent {
  if (!h) throw new EnvelopeError('The message has no headers: it is not an event');
  const { name, version } = parseType(required(h, 'ce-type'));
  const type = BY_NAME.get(name);
  const newest = newestVersion(name);
  if (!type || version > newest) {
    throw new NewerEventError(`Event type ${name}.v${version} is unknown here: it was written by a newer release`);
  }
  return {
    type,
    data: upcast(name, version, parseBody(body)),
    id: required(h, 'ce-id'),
    generationId: required(h, 'ce-subject'),
    version: wholeNumber(h, 'ce-aggregateversion'),
    position: position ?? wholeNumber(h, POSITION_HEADER),
    commandId: required(h, 'ce-commandid'),
    source: required(h, 'ce-source'),
    time: required(h, 'ce-time'),
    userId: decodeURIComponent(required(h, 'ce-userid')),
    traceparent: h.get('ce-traceparent') || null,
  } as RecordedEvent;
}

function required(h: MsgHdrs, name: string): string {
  const value = h.get(name);
  if (!value) throw new EnvelopeError(`The event has no ${name} header`);
  return value;
}

function wholeNumber(h: MsgHdrs, name: string): number {
  const value = Number(required(h, name));
  if (!Number.isSafeInteger(value) || value < 1) throw new EnvelopeError(`The event's ${name} header is no number`);
  return value;
}

function parseType(text: string): { name: string; version: number } {
  const match = /^(.+)\.v(\d+)$/.exec(text);
  if (!match?.[1] || !match[2]) throw new EnvelopeError(`Event type ${text} has no version`);
  return { name: match[1], version: Number(match[2]) };
}

function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(body));
  } catch (error) {
    throw new EnvelopeError('The body of the event is not JSON', { cause: error });
  }
}
