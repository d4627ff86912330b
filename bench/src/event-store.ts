import { generationIdFrom, type Command } from '@darkroom/domain';
import {
  CommandRunner,
  encode,
  EVENTS_STREAM,
  generationSubject,
  JetStreamEventStore,
  type Broker,
  type NewEvent,
} from '@darkroom/events';
import { v7 as uuidv7 } from 'uuid';
import { latency, rate } from './operations.js';
import type { BenchOptions } from './options.js';
import { comparedRow, type Row } from './row.js';
import { freshBroker } from './servers.js';
import { compare, inTurns, type Comparison } from './statistics.js';
import { completed, requestData, requested } from './story.js';

const CONCURRENCY = 64;
const SHARE_OF_RAW = 0.85;

/** Generations that are loaded, one after the other, again and again. */
const LOADED = 100;

/** Makes something to be done `count` times. What is made for that is made before the clock starts. */
type Operation = (count: number) => () => Promise<unknown>;

/** The event store beside the bare client, which does the same to the same stream without looking at anything. */
export async function eventStore({ natsUrl, size }: BenchOptions): Promise<Row[]> {
  const { rounds, operations } = size;
  const broker = await freshBroker(natsUrl);
  try {
    const store = new JetStreamEventStore(broker);
    const ids = await fill(store);
    const [append, rawAppend] = [appending(store), publishing(broker)];
    const [load, rawLoad] = [loading(ids, (id) => store.load(id)), loading(ids, (id) => loadRaw(broker, id))];

    const perSecond = (ours: Operation, raw: Operation) =>
      inRounds(rounds, ours, raw, (operation) => rate(operations, CONCURRENCY, operation(operations)));
    const few = Math.ceil(operations / 4);
    // As a rate, so that more is better in every ratio.
    const oneByOne = (ours: Operation, raw: Operation) =>
      inRounds(rounds, ours, raw, async (operation) => 1_000 / (await latency(few, operation(few))));

    return [
      comparedRow('Append, one after the other', '/s', await oneByOne(append, rawAppend), SHARE_OF_RAW),
      comparedRow(`Append, ${CONCURRENCY} at once`, '/s', await perSecond(append, rawAppend), SHARE_OF_RAW),
      comparedRow('… decided first, by the command runner', '/s', await perSecond(requesting(store), rawAppend)),
      comparedRow('Load a generation, one after the other', '/s', await oneByOne(load, rawLoad), SHARE_OF_RAW),
      comparedRow(`Load a generation, ${CONCURRENCY} at once`, '/s', await perSecond(load, rawLoad), SHARE_OF_RAW),
    ];
  } finally {
    await broker.close();
  }
}

async function inRounds(
  rounds: number,
  ours: Operation,
  raw: Operation,
  measure: (operation: Operation) => Promise<number>,
): Promise<Comparison> {
  const pairs = await inTurns(
    rounds,
    () => measure(ours),
    () => measure(raw),
  );
  return compare(pairs, (value) => value);
}

function appending(store: JetStreamEventStore): Operation {
  return (count) => {
    const events = Array.from({ length: count }, () => requested());
    return () => store.append(take(events), 0);
  };
}

function publishing(broker: Broker): Operation {
  return (count) => {
    const messages = Array.from({ length: count }, () => {
      const event: NewEvent = requested();
      return { subject: generationSubject(event.generationId), msgID: event.id, ...encode(event) };
    });
    return () => {
      const { subject, body, headers, msgID } = take(messages);
      const expect = { streamName: EVENTS_STREAM, lastSubjectSequence: 0 };
      return broker.jetstream.publish(subject, body, { headers, msgID, expect });
    };
  };
}

function requesting(store: JetStreamEventStore): Operation {
  const runner = new CommandRunner(store, { source: '/darkroom/bench' });
  return () => () => {
    const id = generationIdFrom(uuidv7());
    const command: Command = {
      type: 'Request',
      commandId: `request:${id}`,
      at: new Date().toISOString(),
      request: requestData(),
    };
    return runner.execute(id, command);
  };
}

function loading(ids: readonly string[], load: (id: string) => Promise<unknown>): Operation {
  let next = 0;
  return () => () => load(ids[next++ % ids.length]!);
}

/**
 * One batched direct get, its headers looked into as far as any reader must (is it a message or the end, and at which
 * position: an append has to name it), and JSON.parse.
 */
async function loadRaw(broker: Broker, id: string): Promise<unknown[]> {
  const query = JSON.stringify({ seq: 1, batch: 256, next_by_subj: generationSubject(id) });
  const answers = await broker.connection.requestMany(`$JS.API.DIRECT.GET.${EVENTS_STREAM}`, query, {
    strategy: 'sentinel',
    maxWait: 3_000,
  });
  const events: unknown[] = [];
  for await (const message of answers) {
    if (message.headers?.code !== 0) continue;
    events.push({ position: Number(message.headers.get('Nats-Sequence')), data: message.json() });
  }
  return events;
}

async function fill(store: JetStreamEventStore): Promise<string[]> {
  const generations = Array.from({ length: LOADED }, completed);
  await Promise.all(
    generations.map(async (events) => {
      let position = 0;
      for (const event of events) position = await store.append(event, position);
    }),
  );
  return generations.map((events) => events[0]!.generationId);
}

function take<T>(list: T[]): T {
  const item = list.pop();
  if (item === undefined) throw new Error('More was asked for than was made');
  return item;
}
