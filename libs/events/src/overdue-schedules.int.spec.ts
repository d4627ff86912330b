import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { StorageType } from '@nats-io/jetstream';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { decode } from './envelope.js';
import { exampleEvent } from './event-store.contract.js';
import type { RecordedEvent } from './event-store.js';
import { sendOverdue } from './overdue-schedules.js';
import { provision } from './provision.js';
import { ALL_SCHEDULES, scheduleSubject, WORK_STREAM, workConsumer } from './subjects.js';
import { WorkQueue } from './work-queue.js';

describe('sendOverdue', () => {
  let nats: TestNats;
  let broker: Broker;
  beforeAll(async () => {
    nats = await startNats({ maxFileBytes: 4_000_000 });
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  /** Whatever comes due in the meantime cannot be written. */
  async function whileTheDiskIsFull(during: () => Promise<void>): Promise<void> {
    const { streams } = broker.manager;
    await streams.add({ name: 'FILLER', subjects: ['filler'], storage: StorageType.File });
    for (const size of [500_000, 1_000]) {
      let isFull = false;
      while (!isFull) {
        await broker.jetstream.publish('filler', new Uint8Array(size)).catch(() => (isFull = true));
      }
    }
    await during();
    await streams.delete('FILLER');
  }

  const example = (): RecordedEvent => ({ ...exampleEvent(generationIdFrom(uuidv7())), position: 99 }) as RecordedEvent;
  const held = async () =>
    Object.keys(
      (await broker.manager.streams.info(WORK_STREAM, { subjects_filter: ALL_SCHEDULES })).state.subjects ?? {},
    );
  const passed = (ms: number) => eventually(() => Date.now() > ms, { timeoutMs: 10_000 });

  it('sends on what came due while the disk was full, whole and once, and leaves what is to come', async () => {
    const queue = new WorkQueue(broker);
    const [overdue, later] = [example(), example()];
    const due = Date.now() + 1_500;
    await queue.put(overdue, 'generate', 'high', new Date(due).toISOString());
    await queue.put(later, 'generate', 'high', new Date(Date.now() + 3_600_000).toISOString());
    await whileTheDiskIsFull(() => passed(due + 1_000).then(() => undefined));
    expect(await sendOverdue(broker, new Date(due - 1))).toEqual([]);

    const [one, other] = await Promise.all([1, 2].map(() => sendOverdue(broker, new Date(due + 1))));
    expect(new Set([...one!, ...other!])).toEqual(new Set([scheduleSubject('generate', overdue.generationId)]));
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('generate', 'high'));
    const message = await consumer.next({ expires: 5_000 });
    await message!.ackAck();
    expect(decode(message!.headers, message!.data)).toEqual(overdue);
    expect(await held()).toEqual([scheduleSubject('generate', later.generationId)]);
    expect((await consumer.info()).num_pending).toBe(0);
  });
});
