import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import type { JsMsg } from '@nats-io/jetstream';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { decode } from './envelope.js';
import { exampleEvent } from './event-store.contract.js';
import type { RecordedEvent } from './event-store.js';
import { provision } from './provision.js';
import { sendStranded } from './stranded-work.js';
import { WORK_STREAM, workConsumer, workSubject } from './subjects.js';
import { WorkQueue } from './work-queue.js';

describe('sendStranded', () => {
  const name = workConsumer('generate', 'high');
  let nats: TestNats;
  let broker: Broker;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1, ackWaitMs: 1_000, maxDeliver: 1 });
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });
  afterEach(() => broker.manager.streams.purge(WORK_STREAM));

  const example = (): RecordedEvent => ({ ...exampleEvent(generationIdFrom(uuidv7())), position: 99 }) as RecordedEvent;

  /** Of as many deliveries as there may be none was acknowledged; as if nobody had been told. */
  async function exhaust(): Promise<void> {
    expect(await delivered(1)).toHaveLength(1);
    const pending = async () => (await broker.manager.consumers.info(WORK_STREAM, name)).num_ack_pending;
    await eventually(async () => (await pending()) === 0, { what: 'the broker to give it up' });
  }

  const counts = async (): Promise<Record<string, number>> =>
    (await broker.manager.streams.info(WORK_STREAM, { subjects_filter: '>' })).state.subjects ?? {};

  async function delivered(max: number): Promise<JsMsg[]> {
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, name);
    const messages: JsMsg[] = [];
    for await (const message of await consumer.fetch({ max_messages: max, expires: 1_000 })) messages.push(message);
    return messages;
  }

  it('has work delivered again that the broker keeps and delivers to nobody: whole, and once', async () => {
    const queue = new WorkQueue(broker);
    const [stranded, fresh] = [example(), example()];
    await queue.put(stranded, 'generate', 'high', null);
    await exhaust();
    expect(await delivered(1)).toEqual([]);
    await queue.put(fresh, 'generate', 'high', null);

    const subject = workSubject('generate', 'high', stranded.generationId);
    const [one, other] = await Promise.all([sendStranded(broker), sendStranded(broker)]);
    expect([...one, ...other]).toEqual([subject]);
    expect(await counts()).toEqual({ [subject]: 1, [workSubject('generate', 'high', fresh.generationId)]: 1 });
    const messages = await delivered(3);
    const events = messages.map((message) => decode(message.headers, message.data));
    expect(events.map(({ id }) => id).sort()).toEqual([stranded.id, fresh.id].sort());
    expect(events.find(({ id }) => id === stranded.id)).toEqual(stranded);
    for (const message of messages) message.ack();
  });

  it('leaves alone what waits, and what somebody has in hand behind what is done', async () => {
    const queue = new WorkQueue(broker);
    const examples = [example(), example(), example()];
    for (const event of examples) await queue.put(event, 'generate', 'high', null);
    const [first, second] = await delivered(2);
    await second!.ackAck();
    expect(await sendStranded(broker)).toEqual([]);
    await first!.ackAck();
    expect(await sendStranded(broker)).toEqual([]);
    expect(Object.keys(await counts())).toEqual([workSubject('generate', 'high', examples[2]!.generationId)]);
    for (const message of await delivered(1)) await message.ackAck();
  });

  it('only removes what was put again and not removed before its sender died', async () => {
    const queue = new WorkQueue(broker);
    const event = example();
    await queue.put(event, 'generate', 'high', null);
    await exhaust();
    await broker.jetstream.publish(workSubject('generate', 'high', event.generationId), 'put again');
    expect(await sendStranded(broker)).toEqual([]);
    expect(Object.values(await counts())).toEqual([1]);
    expect((await delivered(2)).map((message) => message.string())).toEqual(['put again']);
  });
});
