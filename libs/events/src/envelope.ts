import type { JsMsg } from '@nats-io/jetstream';
import { MsgHdrsImpl, type MsgHdrs } from '@nats-io/nats-core';
import type { EventType } from '@darkroom/domain';
import type { NewEvent, Position, RecordedEvent } from './event-store.js';
import { attributesOf, readAttributes, type Attributes } from './header-block.js';
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

/** A prediction to be cancelled that the generation of the work never knew of. */
export const PREDICTION_HEADER = 'Darkroom-Prediction';

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

/** @throws EnvelopeError */
export function encode(event: NewEvent | RecordedEvent): EncodedEvent {
  return { headers: headersOf(attributesFor(event)), body: encodeBody(event) };
}

export function encodeBody({ data }: NewEvent): Uint8Array {
  return encoder.encode(JSON.stringify(data));
}

/** The headers of an event, by name. @throws EnvelopeError */
export function attributesFor(event: NewEvent | RecordedEvent): Readonly<Record<string, string>> {
  const attributes = {
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-type': typeName(event.type),
    'ce-source': event.source,
    'ce-time': event.time,
    'ce-subject': event.generationId,
    'ce-datacontenttype': 'application/json',
    'ce-aggregateversion': String(event.version),
    'ce-userid': encodeURIComponent(event.userId),
    'ce-commandid': event.commandId,
    ...(event.traceparent && { 'ce-traceparent': event.traceparent }),
    ...('position' in event && { [POSITION_HEADER]: String(event.position) }),
  };
  for (const [name, value] of Object.entries(attributes)) {
    if (/[\r\n]/.test(value)) throw new EnvelopeError(`The event's ${name} has a line break`);
  }
  return attributes;
}

/** The client's `set` looks through all headers for each: a third of the work of an append. But this looks at no value. */
function headersOf(attributes: Readonly<Record<string, string>>): MsgHdrs {
  const values: Record<string, string[]> = {};
  for (const name in attributes) values[name] = [attributes[name]!];
  return MsgHdrsImpl.fromRecord(values);
}

/**
 * @param position where the message stands in the log; unset for work, which carries it in a header
 * @throws EnvelopeError
 */
export function decode(h: MsgHdrs | undefined, body: Uint8Array, position?: Position): RecordedEvent {
  if (!h) throw new EnvelopeError('The message has no headers: it is not an event');
  return decodeAttributes(attributesOf(h), body, position);
}

/** As `decode`, for a message as a consumer delivers it. @throws EnvelopeError */
export function decodeMessage(message: JsMsg, position?: Position): RecordedEvent {
  const attributes = readAttributes(message);
  return attributes
    ? decodeAttributes(attributes, message.data, position)
    : decode(message.headers, message.data, position);
}

/** As `decode`, for headers that were read already. @throws EnvelopeError */
export function decodeAttributes(attributes: Attributes, body: Uint8Array, position?: Position): RecordedEvent {
  const { type, name, version } = typeOf(required(attributes, 'ce-type'));
  const userId = required(attributes, 'ce-userid');
  return {
    type,
    data: upcast(name, version, parseBody(body)),
    id: required(attributes, 'ce-id'),
    generationId: required(attributes, 'ce-subject'),
    version: wholeNumber(attributes, 'ce-aggregateversion'),
    position: position ?? wholeNumber(attributes, POSITION_HEADER),
    commandId: required(attributes, 'ce-commandid'),
    source: required(attributes, 'ce-source'),
    time: required(attributes, 'ce-time'),
    userId: userId.includes('%') ? decodeURIComponent(userId) : userId,
    traceparent: attributes.get('ce-traceparent') || null,
  } as RecordedEvent;
}

function required(attributes: Attributes, name: string): string {
  const value = attributes.get(name);
  if (!value) throw new EnvelopeError(`The event has no ${name} header`);
  return value;
}

function wholeNumber(attributes: Attributes, name: string): number {
  const value = Number(required(attributes, name));
  if (!Number.isSafeInteger(value) || value < 1) throw new EnvelopeError(`The event's ${name} header is no number`);
  return value;
}

interface KnownType {
  readonly type: EventType;
  readonly name: string;
  readonly version: number;
}

/** What was parsed and found known before: a log has a handful of types. */
const knownTypes = new Map<string, KnownType>();

function typeOf(text: string): KnownType {
  const known = knownTypes.get(text);
  if (known) return known;
  const { name, version } = parseType(text);
  const type = BY_NAME.get(name);
  if (!type || version > newestVersion(name)) {
    throw new NewerEventError(`Event type ${name}.v${version} is unknown here: it was written by a newer release`);
  }
  const found = { type, name, version };
  knownTypes.set(text, found);
  return found;
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
