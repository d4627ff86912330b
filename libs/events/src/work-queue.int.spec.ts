import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { decode } from './envelope.js';
import { exampleEvent } from './event-store.contract.js';
import type { RecordedEvent } from './event-store.js';
import { provision } from './provision.js';
import { WORK_STREAM, workConsumer } from './subjects.js';
import { WorkQueue } from './work-queue.js';

describe('WorkQueue', () => {
  let nats: TestNats;
  let broker: Broker;
  let queue: WorkQueue;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    queue = new WorkQueue(broker);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  const example = (): RecordedEvent => ({ ...exampleEvent(generationIdFrom(uuidv7())), position: 99 }) as RecordedEvent;
  const waiting = async () =>
    (await broker.manager.consumers.info(WORK_STREAM, workConsumer('generate', 'high'))).num_pending;
  const take = async (): Promise<RecordedEvent | null> => {
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('generate', 'high'));
    const message = await consumer.next({ expires: 1_000 });
    await message?.ackAck();
    return message && decode(message.headers, message.data);
  };

  it('forwards the fact itself, with its position in the log', async () => {
    const event = example();
    await queue.put(event, 'generate', 'high', null);
    expect(await take()).toEqual(event);
  });

  it('takes the same fact once', async () => {
    const event = example();
    for (let i = 0; i < 3; i++) await queue.put(event, 'generate', 'high', null);
    expect(await waiting()).toBe(1);
    await take();
  });

  it('keeps work until its time, over a restart, and then gives it whole', async () => {
    const event = example();
    const at = Date.now() + 1_500;
    await queue.put(event, 'generate', 'high', new Date(at).toISOString());
    expect(await waiting()).toBe(0);
    // Not killed: a server that is may forget the work of its last moments (docs/adr/0024).
    await nats.restart();
    await eventually(() => broker.connected);
    await eventually(async () => (await waiting()) === 1, { what: 'the schedule to fire' });
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    expect(await take()).toEqual(event);
  });

  it('gives work whose time has passed at once', async () => {
    const event = example();
    await queue.put(event, 'generate', 'high', new Date(Date.now() - 60_000).toISOString());
    await eventually(async () => (await waiting()) === 1);
    expect(await take()).toEqual(event);
  });

  it('holds one schedule per generation: a later one replaces an earlier one', async () => {
    const event = example();
    const soon = new Date(Date.now() + 1_000).toISOString();
    await queue.put({ ...event, id: uuidv7() }, 'generate', 'high', new Date(Date.now() + 3_600_000).toISOString());
    await queue.put(event, 'generate', 'high', soon);
    await eventually(async () => (await waiting()) === 1);
    expect((await take())?.id).toBe(event.id);
    expect((await broker.manager.streams.info(WORK_STREAM)).state.messages).toBe(0);
  });
});
