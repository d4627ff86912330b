import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { exampleEvent } from './event-store.contract.js';
import { attributesOf, readAttributes } from './header-block.js';
import { JetStreamEventStore } from './jetstream-event-store.js';
import { JetStreamLogReader } from './jetstream-log-reader.js';
import { provision } from './provision.js';

describe('JetStreamLogReader', () => {
  let nats: TestNats;
  let broker: Broker;
  let store: JetStreamEventStore;
  let reader: JetStreamLogReader;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    store = new JetStreamEventStore(broker);
    reader = new JetStreamLogReader(broker);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  const appendMany = (count: number) =>
    Promise.all(Array.from({ length: count }, () => store.append(exampleEvent(generationIdFrom(uuidv7())), 0)));

  /** Reads in the background; `positions` grows as events arrive. */
  function follow(after: number, maxBatch?: number) {
    const abort = new AbortController();
    const positions: number[] = [];
    const sizes: number[] = [];
    const ended = (async () => {
      for await (const batch of reader.read(after, { signal: abort.signal, maxBatch })) {
        sizes.push(batch.length);
        positions.push(...batch.map((event) => event.position));
      }
    })();
    return { positions, sizes, ended, stop: () => abort.abort() };
  }

  it('tells an empty log, and its identity', async () => {
    expect(await reader.identify()).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), first: 0, last: 0 });
  });

  it('reads everything from the start, in order, in bounded batches, and then what comes', async () => {
    await appendMany(250);
    const reading = follow(0, 100);
    await eventually(() => reading.positions.length === 250);
    await appendMany(3);
    await eventually(() => reading.positions.length === 253);
    expect(reading.positions).toEqual(Array.from({ length: 253 }, (_, i) => i + 1));
    expect(Math.max(...reading.sizes)).toBeLessThanOrEqual(100);
    expect(Math.min(...reading.sizes)).toBeGreaterThan(0);
    reading.stop();
    await reading.ended;
  });

  it('leaves nothing unread, however the messages arrive, and no consumer behind', async () => {
    await appendMany(2_000);
    const { last } = await reader.identify();
    for (let round = 0; round < 20; round++) {
      const reading = follow(0, 150 + 10 * round);
      await eventually(() => reading.positions.length === last, { timeoutMs: 5_000 });
      reading.stop();
      await reading.ended;
    }
    expect(await broker.manager.consumers.list('EVENTS').next()).toHaveLength(1);
  });

  it('finds the headers where the client keeps them', async () => {
    const consumer = await broker.jetstream.consumers.get('EVENTS');
    const message = await consumer.next();
    await consumer.delete();
    expect(readAttributes(message!)).toEqual(attributesOf(message!.headers!));
  });

  it('reads on from a position', async () => {
    const { last } = await reader.identify();
    const reading = follow(last - 2);
    await eventually(() => reading.positions.length === 2);
    expect(reading.positions).toEqual([last - 1, last]);
    reading.stop();
    await reading.ended;
  });

  it('ends when the broker is killed, and reads on from there without a gap or a repeat', async () => {
    const { last } = await reader.identify();
    const before = follow(last);
    await appendMany(10);
    await eventually(() => before.positions.length === 10);
    await nats.kill9();
    await expect(before.ended).rejects.toMatchObject({ kind: 'unavailable' });
    await nats.restart();
    await eventually(() => appendMany(1));
    const after = follow(last + 10);
    await appendMany(9);
    await eventually(() => after.positions.length >= 10);
    expect([...before.positions, ...after.positions]).toEqual(Array.from({ length: 20 }, (_, i) => last + 1 + i));
    after.stop();
    await after.ended;
  });

  it('ends at once when it is told to before it began', async () => {
    const abort = new AbortController();
    abort.abort();
    for await (const _ of reader.read(0, { signal: abort.signal })) throw new Error('read something');
  });

  it('is unavailable while the broker is away', async () => {
    await nats.kill9();
    await eventually(() => !broker.connected);
    await expect(reader.identify()).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(store.load(generationIdFrom(uuidv7()))).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(appendMany(1)).rejects.toMatchObject({ kind: 'unavailable' });
    await nats.restart();
    await eventually(() => broker.connected);
    await expect(appendMany(1)).resolves.toHaveLength(1);
  });
});
