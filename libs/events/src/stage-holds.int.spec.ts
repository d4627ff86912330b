import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LANES, generationIdFrom } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { exampleEvent } from './event-store.contract.js';
import type { RecordedEvent } from './event-store.js';
import { provision } from './provision.js';
import { HOLDABLE_STAGES, StageHolds, type HoldableStage } from './stage-holds.js';
import { WORK_STREAM, workConsumer } from './subjects.js';
import { WorkQueue } from './work-queue.js';

describe('StageHolds', () => {
  let nats: TestNats;
  let broker: Broker;
  let holds: StageHolds;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    holds = await StageHolds.open(broker);
  });
  afterEach(async () => {
    if (!broker.connected) await nats.restart();
    await eventually(() => broker.connected);
    for (const stage of HOLDABLE_STAGES) await holds.resume(stage);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  const soon = (ms: number) => new Date(Date.now() + ms);
  const put = (stage: HoldableStage) => {
    const event = { ...exampleEvent(generationIdFrom(uuidv7())), position: 9 } as RecordedEvent;
    return new WorkQueue(broker).put(event, stage, 'high', null);
  };
  /** Whether a worker that asks now is given something. */
  const gives = async (stage: HoldableStage) => {
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer(stage, 'high'));
    const message = await consumer.next({ expires: 1_000 });
    await message?.ackAck();
    return message !== null;
  };

  it('holds nothing at first', async () => {
    expect(await holds.list()).toEqual([]);
    expect(await holds.resume('generate')).toBe(false);
  });

  it('a paused stage takes work and gives none, also to who has asked already; the others go on', async () => {
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('generate', 'high'));
    const asked = consumer.next({ expires: 1_500 });
    await holds.pause('generate', 'the provider has an incident');
    await put('generate');
    await put('download');
    expect(await asked).toBeNull();
    expect(await gives('download')).toBe(true);
    expect(await holds.list()).toEqual([
      {
        stage: 'generate',
        reason: 'operator',
        since: expect.any(String),
        until: null,
        note: 'the provider has an incident',
        complete: true,
      },
    ]);
    expect(await holds.resume('generate')).toBe(true);
    expect(await gives('generate')).toBe(true);
    expect(await holds.list()).toEqual([]);
  });

  it('holds also what was scheduled for the stage', async () => {
    await holds.pause('generate', null);
    const event = { ...exampleEvent(generationIdFrom(uuidv7())), position: 9 } as RecordedEvent;
    await new WorkQueue(broker).put(event, 'due', 'high', null);
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('due', 'high'));
    expect(await consumer.next({ expires: 1_000 })).toBeNull();
    await holds.resume('generate');
    await (await consumer.next({ expires: 1_000 }))!.ackAck();
  });

  it('is paused since the first of two pauses, for the reason of the last', async () => {
    await holds.pause('generate', 'first');
    const [first] = await holds.list();
    await holds.pause('generate', null);
    expect(await holds.list()).toEqual([first]);
    await holds.pause('generate', 'second');
    expect(await holds.list()).toEqual([{ ...first, note: 'second' }]);
  });

  it('outlives the broker, and every start of a process, also one that changes the consumers', async () => {
    await holds.pause('generate', 'stays');
    await nats.kill9();
    await eventually(() => !broker.connected);
    await nats.restart();
    await eventually(() => broker.connected);
    await provision(broker, { replicas: 1, ackWaitMs: 5_000 });
    const { config } = await broker.manager.consumers.info(WORK_STREAM, workConsumer('generate', 'high'));
    expect(config.ack_wait).toBe(5_000_000_000);
    expect(await holds.list()).toMatchObject([{ stage: 'generate', note: 'stays', complete: true }]);
    await put('generate');
    expect(await gives('generate')).toBe(false);
    await holds.resume('generate');
    expect(await gives('generate')).toBe(true);
  });

  it('a hold ends by itself, and is told until then', async () => {
    const until = soon(1_200);
    await holds.hold('generate', 'out_of_credit', until);
    expect(await holds.list()).toMatchObject([
      { stage: 'generate', reason: 'out_of_credit', until: until.toISOString(), complete: true },
    ]);
    await put('generate');
    await eventually(async () => (await holds.list()).length === 0, { what: 'the hold to end' });
    expect(Date.now()).toBeGreaterThanOrEqual(until.getTime());
    expect(await gives('generate')).toBe(true);
  });

  it('a hold never shortens another, and a later one is a new one', async () => {
    const until = soon(3_600_000);
    await holds.hold('generate', 'out_of_credit', until);
    await holds.hold('generate', 'out_of_credit', soon(1_000));
    const [first] = await holds.list();
    expect(first).toMatchObject({ until: until.toISOString() });
    const later = soon(7_200_000);
    await holds.hold('generate', 'out_of_credit', later);
    expect(await holds.list()).toEqual([{ ...first, until: later.toISOString() }]);
    expect(await holds.resume('generate')).toBe(true);
    expect(await holds.list()).toEqual([]);
  });

  it('many workers hold it while an operator pauses it: the operator wins, whatever the order', async () => {
    for (let round = 0; round < 10; round++) {
      const workers = Array.from({ length: 10 }, () => holds.hold('generate', 'out_of_credit', soon(500)));
      await Promise.all([...workers, holds.pause('generate', `round ${round}`)]);
      expect(await holds.list()).toMatchObject([{ reason: 'operator', note: `round ${round}`, complete: true }]);
      for (const lane of LANES) {
        const { config } = await broker.manager.consumers.info(WORK_STREAM, workConsumer('generate', lane));
        expect(config.pause_until).toMatch(/^2200/);
      }
      await holds.resume('generate');
    }
  });

  it('pausing and resuming at once ends in one of them, and is told as it is', async () => {
    for (let round = 0; round < 10; round++) {
      await Promise.all([holds.pause('download', 'x'), holds.resume('download')]);
      const told = (await holds.list()).length > 0;
      if (!told) {
        await put('download');
        expect(await gives('download')).toBe(true);
      }
      await holds.resume('download');
      expect(await holds.list()).toEqual([]);
    }
  });

  it('says that a pause is not complete when a consumer of its stage was made anew by hand', async () => {
    await holds.pause('generate', null);
    const { config } = await broker.manager.consumers.info(WORK_STREAM, workConsumer('generate', 'low'));
    await broker.manager.consumers.delete(WORK_STREAM, config.durable_name!);
    await broker.manager.consumers.add(WORK_STREAM, { ...config, pause_until: undefined });
    expect(await holds.list()).toMatchObject([{ stage: 'generate', complete: false }]);
    await holds.pause('generate', null);
    expect(await holds.list()).toMatchObject([{ stage: 'generate', complete: true }]);
  });

  it('is unavailable while the broker is away', async () => {
    await nats.kill9();
    await eventually(() => !broker.connected);
    await expect(holds.pause('generate', null)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(holds.list()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
