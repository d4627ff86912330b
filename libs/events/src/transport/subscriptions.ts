import type { JsMsg } from '@nats-io/jetstream';
import { decodeMessage, typeName } from '../envelope.js';
import type { RecordedEvent } from '../event-store.js';
import { readAttribute } from '../header-block.js';
import * as names from '../subjects.js';
import { LANE_WEIGHTS } from '../topology.js';

/** Durable consumers that one handler serves, side by side, by weight. */
export interface Subscription {
  readonly stream: string;
  readonly lanes: readonly { readonly consumer: string; readonly weight: number }[];
  /** The handler's first argument. Throws when the message is none of ours. */
  decode(message: JsMsg): unknown;
  /** Whether nothing follows from a message: then it is acknowledged at once. Unset: something may. */
  isDone?(message: JsMsg): boolean;
}

/** A piece of work that was delivered as often as it may be (nats-server's max_deliver advisory, in part). */
export interface ExhaustedAdvisory {
  readonly stream: string;
  readonly consumer: string;
  readonly stream_seq: number;
  readonly deliveries: number;
  /** RFC 3339: when the broker gave it up. */
  readonly timestamp: string;
}

const decodeWork = (message: JsMsg): RecordedEvent => decodeMessage(message);
const decodeFact = (message: JsMsg): RecordedEvent => decodeMessage(message, message.seq);

const STARTED = typeName('AttemptStarted');
const CREATED = typeName('PredictionCreated');

/** Of most facts, by what their handler asks first (asksForWork). What cannot be read here is left to it. */
function asksForNothing(message: JsMsg): boolean {
  const type = readAttribute(message, 'ce-type');
  return type === STARTED || (type === CREATED && message.string().includes('"adopted":false'));
}

function work(served: names.ServedStage): Subscription {
  return {
    stream: names.WORK_STREAM,
    lanes: names.queuesOf(served).map(({ stage, lane }) => ({
      consumer: names.workConsumer(stage, lane),
      weight: LANE_WEIGHTS[lane],
    })),
    decode: decodeWork,
  };
}

/** What a Nest controller can subscribe to, by the pattern its handler names. */
export const SUBSCRIPTIONS = {
  'work.admit': work('admit'),
  'work.generate': work('generate'),
  'work.download': work('download'),
  'work.cancel': work('cancel'),
  facts: {
    stream: names.EVENTS_STREAM,
    lanes: [{ consumer: names.DISPATCHER_CONSUMER, weight: 1 }],
    decode: decodeFact,
    isDone: asksForNothing,
  },
  exhausted: {
    stream: names.ADVISORIES_STREAM,
    lanes: [{ consumer: names.EXHAUSTED_CONSUMER, weight: 1 }],
    decode: (message: JsMsg): ExhaustedAdvisory => message.json<ExhaustedAdvisory>(),
  },
} satisfies Record<string, Subscription>;

export type Pattern = keyof typeof SUBSCRIPTIONS;
