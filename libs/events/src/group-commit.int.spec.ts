import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { JetStreamApiError } from '@nats-io/jetstream';
import type { ServerInfo } from '@nats-io/nats-core';
import { v7 as uuidv7 } from 'uuid';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, isServerAtLeast, type Broker } from './connect.js';
import { EventStoreError } from './event-store.js';
import { GroupCommit, type Message, type Stored } from './group-commit.js';
import { provision } from './provision.js';
import { EVENTS_STREAM, generationSubject } from './subjects.js';

describe('GroupCommit', () => {
  let nats: TestNats;
  let broker: Broker;

  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  /** The batch that each of these places in the log was written with; empty: with none. */
  const batchesOf = (places: readonly number[]): Promise<string[]> =>
    Promise.all(
      places.map(async (seq) => {
        const message = await broker.manager.streams.getMessage(EVENTS_STREAM, { seq });
        return message?.header.get('Nats-Batch-Id') ?? '';
      }),
    );

  const publishAll = async (over: Broker, messages: readonly Message[]): Promise<number[]> => {
    const together = new GroupCommit(over);
    const stored = await Promise.all(messages.map((each) => together.publish(each)));
    return stored.map(({ seq }) => seq);
  };

  it('sends one at a time for as long as there are few', async () => {
    const places = await publishAll(broker, Array.from({ length: 20 }, message));
    expect(await batchesOf(places)).toEqual(places.map(() => ''));
  });

  it('sends together what would have to wait', async () => {
    const batches = await batchesOf(await publishAll(broker, Array.from({ length: 400 }, message)));
    const sizes = new Map<string, number>();
    for (const id of batches.filter((each) => each !== '')) sizes.set(id, (sizes.get(id) ?? 0) + 1);
    const together = isServerAtLeast(broker.connection, [2, 15]);
    // Twelve go ahead, the next twelve make a batch, and whoever comes meanwhile makes the others.
    expect([...sizes.values()]).toEqual(together ? [12, 128, 128, 120] : []);
  });

  it('answers each with its own place, in the order in which they were given', async () => {
    const messages = Array.from({ length: 300 }, message);
    const places = await publishAll(broker, messages);
    const subjects = await Promise.all(
      places.map(async (seq) => (await broker.manager.streams.getMessage(EVENTS_STREAM, { seq }))?.subject),
    );
    expect(subjects).toEqual(messages.map(({ subject }) => subject));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('makes no batches for a server that would flush each of their messages', async () => {
    const places = await publishAll(pretending(broker, { version: '2.14.5' }), Array.from({ length: 400 }, message));
    expect(await batchesOf(places)).toEqual(places.map(() => ''));
  });

  it('makes no batches for a cluster', async () => {
    const places = await publishAll(pretending(broker, { cluster: 'three' }), Array.from({ length: 400 }, message));
    expect(await batchesOf(places)).toEqual(places.map(() => ''));
  });

  it('stores what is sound of a batch that the server refuses', async () => {
    const messages = Array.from({ length: 200 }, message);
    const wrong = { ...message(), headers: { ...message().headers, 'Nats-Expected-Last-Subject-Sequence': '7' } };
    const together = new GroupCommit(broker);
    const stored = messages.map((each) => together.publish(each));
    const refused = together.publish(wrong);
    await expect(refused).rejects.toThrow('wrong last sequence');
    expect(new Set((await Promise.all(stored)).map(({ seq }) => seq)).size).toBe(messages.length);
  });

  it('tells the truth to each when the disk is full meanwhile', async () => {
    const small = await startNats({ maxFileBytes: 2_000_000 });
    const its = await connectBroker({ servers: [small.url], name: 'test' });
    try {
      await provision(its, { replicas: 1 });
      const together = new GroupCommit(its);
      const body = new Uint8Array(10_000);
      const messages = Array.from({ length: 400 }, () => ({ ...message(), body }));
      const outcomes = await settleAll(together, messages);
      const there = await Promise.all(
        messages.map(async ({ subject }) => {
          const found = await its.manager.streams.getMessage(EVENTS_STREAM, { last_by_subj: subject });
          return found?.seq ?? null;
        }),
      );
      outcomes.forEach((outcome, index) => {
        if (outcome.status === 'fulfilled') expect(there[index]).toBe(outcome.value.seq);
        else if (outcome.reason instanceof JetStreamApiError) expect(there[index]).toBeNull();
      });
      expect(there.filter((seq) => seq !== null).length).toBeGreaterThan(50);
      expect(there.filter((seq) => seq === null).length).toBeGreaterThan(50);
    } finally {
      await its.close();
      await small.stop();
    }
  }, 30_000);

  it('does not let everybody wait, batch by batch, for a server that does not answer', async () => {
    const goOn = nats.hang();
    const messages = Array.from({ length: 600 }, message);
    const outcomes = await settleAll(new GroupCommit(broker), messages);
    goOn();
    const unsent = messages.filter((_, index) => {
      const outcome = outcomes[index]!;
      return outcome.status === 'rejected' && outcome.reason instanceof EventStoreError;
    });
    // Of twelve by themselves, and of the first batch, nobody knows.
    expect(unsent.length).toBe(isServerAtLeast(broker.connection, [2, 15]) ? messages.length - 24 : 0);
    await publishAll(broker, [message()]);
    for (const { subject } of unsent.slice(0, 50)) {
      expect(await broker.manager.streams.getMessage(EVENTS_STREAM, { last_by_subj: subject })).toBeNull();
    }
  }, 30_000);

  it('says that there is no connection to everybody who waits', async () => {
    const away = Object.create(broker) as Broker;
    away.assertConnected = () => {
      throw new Error('There is no connection');
    };
    const together = new GroupCommit(away);
    const outcomes = await settleAll(together, Array.from({ length: 100 }, message));
    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'rejected'));
  });
});

function settleAll(over: GroupCommit, messages: readonly Message[]): Promise<PromiseSettledResult<Stored>[]> {
  return Promise.allSettled(messages.map((each) => over.publish(each)));
}

function message(): Message {
  const id = generationIdFrom(uuidv7());
  const headers = { 'Nats-Msg-Id': id, 'Nats-Expected-Last-Subject-Sequence': '0' };
  return { subject: generationSubject(id), headers, body: new TextEncoder().encode('{}') };
}

/** The same connection, to a server that says something else of itself. */
function pretending(broker: Broker, about: Partial<ServerInfo>): Broker {
  const info = { ...broker.connection.info, ...about };
  const connection = Object.create(broker.connection, { info: { value: info } });
  return { ...broker, connection, jetstream: broker.jetstream, assertConnected: () => broker.assertConnected() };
}
