import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { generationIdFrom, type Lane } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { connectBroker, type Broker } from '../connect.js';
import { exampleEvent } from '../event-store.contract.js';
import type { RecordedEvent } from '../event-store.js';
import { provision } from '../provision.js';
import { SharedBudget } from '../shared-budget.js';
import { WORK_STREAM, workConsumer } from '../subjects.js';
import { WorkQueue } from '../work-queue.js';
import { Delivery, HandBack } from './delivery.js';
import { Handles } from './handles.js';
import { JetStreamTransport, MAX_PERMITS_OUT } from './jetstream-transport.js';

let handle: (event: RecordedEvent, delivery: Delivery) => Promise<void>;

@Controller()
class GenerateController {
  @Handles('work.generate')
  generate(@Payload() event: RecordedEvent, @Ctx() delivery: Delivery): Promise<void> {
    return handle(event, delivery);
  }
}

@Module({ controllers: [GenerateController] })
class WorkerModule {}

describe('a subscription with permits', () => {
  let nats: TestNats;
  let broker: Broker;
  const workers: INestMicroservice[] = [];

  beforeEach(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await broker.close();
    await nats.stop();
  });

  async function startWorker(perMinute: number, concurrency = 32): Promise<SharedBudget> {
    const budget = await SharedBudget.open(broker, 'creates', { perMinute });
    const strategy = new JetStreamTransport({
      broker,
      concurrency: { 'work.generate': concurrency },
      permits: { 'work.generate': budget },
    });
    const worker = await NestFactory.createMicroservice(WorkerModule, { strategy, logger: false });
    workers.push(worker);
    await worker.listen();
    return budget;
  }

  async function put(lane: Lane = 'normal', stage: 'generate' | 'due' = 'generate'): Promise<string> {
    const event = { ...exampleEvent(generationIdFrom(uuidv7())), position: 7 } as RecordedEvent;
    await new WorkQueue(broker).put(event, stage, lane, null);
    return event.id;
  }

  const queueIsEmpty = (timeoutMs?: number) =>
    eventually(async () => (await broker.manager.streams.info(WORK_STREAM)).state.messages === 0, { timeoutMs });

  it('begins nothing without one, and gives the next to whoever matters most by then', async () => {
    const begun: string[] = [];
    handle = async (_event, delivery) => {
      await delivery.usePermit();
      begun.push(delivery.subject.split('.')[2] ?? '');
    };
    await Promise.all([put(), put(), put()]);
    // One, and the next after 2.2 s.
    await startWorker(30);
    await eventually(() => begun.length === 1);
    await put('high');
    await eventually(() => begun.length === 2);
    expect(begun).toEqual(['normal', 'high']);
  });

  it('handlers that need none give it to the next', async () => {
    let handled = 0;
    handle = async (_event, delivery) => {
      delivery.returnPermit();
      delivery.returnPermit();
      handled++;
    };
    await Promise.all(Array.from({ length: 20 }, () => put()));
    const startedAt = Date.now();
    await startWorker(30);
    await queueIsEmpty();
    expect(handled).toBe(20);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it('gives lanes their shares, as without permits', async () => {
    const begun: string[] = [];
    handle = async (_event, delivery) => {
      await delivery.usePermit();
      begun.push(delivery.subject.split('.')[2] ?? '');
      // Longer than it takes to bring the next: every lane has something all the time.
      for (let i = 0; i < 3; i++) await broker.manager.streams.info(WORK_STREAM);
    };
    const lanes = ['high', 'normal', 'low'] as const;
    await Promise.all(lanes.flatMap((lane) => Array.from({ length: 60 }, () => put(lane))));
    await startWorker(1_000_000, 1);
    await queueIsEmpty();
    const before = begun.slice(0, begun.lastIndexOf('high'));
    const count = (lane: Lane) => before.filter((each) => each === lane).length;
    // By weights 6, 3 and 1: 30 and 10; fewer as far as the first had come when there were no others yet.
    expect(count('normal')).toBeGreaterThan(20);
    expect(count('low')).toBeGreaterThan(5);
    expect(count('normal')).toBeLessThan(40);
  });

  it('a burst of schedules is begun a few at a time, and what is asked for now takes turns with it', async () => {
    let out = 0;
    let most = 0;
    const begun: string[] = [];
    const release: (() => void)[] = [];
    handle = async (_event, delivery) => {
      await delivery.usePermit();
      begun.push(delivery.subject.split('.')[1] ?? '');
      most = Math.max(most, ++out);
      await new Promise<void>((resolve) => release.push(resolve));
      out--;
      delivery.returnPermit();
      if (begun.length < 130) await new Promise<void>((resolve) => waiting.push(resolve));
    };
    const waiting: (() => void)[] = [];
    await Promise.all(Array.from({ length: 120 }, () => put('normal', 'due')));
    await startWorker(1_000_000, 1_000);
    await eventually(() => begun.length === MAX_PERMITS_OUT);
    await Promise.all(Array.from({ length: 10 }, () => put()));
    const name = workConsumer('generate', 'normal');
    await eventually(async () => (await broker.manager.consumers.info(WORK_STREAM, name)).num_pending === 0);
    const before = begun.length;
    // Handlers that have returned theirs go on, and others begin beside them.
    await eventually(() => {
      release.splice(0).forEach((resolve) => resolve());
      return begun.length === 130;
    });
    expect(most).toBe(MAX_PERMITS_OUT);
    expect(begun.lastIndexOf('generate')).toBeLessThan(before + MAX_PERMITS_OUT + 25);
    release.splice(0).forEach((resolve) => resolve());
    waiting.splice(0).forEach((resolve) => resolve());
    await queueIsEmpty();
  });

  it('work that was begun before goes on without, and waits for one if it needs it', async () => {
    let begun = false;
    handle = (_event, { signal }) => {
      begun = true;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new HandBack())));
    };
    await put();
    await startWorker(600);
    await eventually(() => begun);
    await workers.pop()!.close();

    const steps: string[] = [];
    handle = async (_event, delivery) => {
      steps.push('begun');
      await delivery.usePermit();
      steps.push('permitted');
    };
    const budget = await SharedBudget.open(broker, 'creates', { perMinute: 600 });
    const until = Date.now() + 1_500;
    await budget.holdUntil(until);
    await startWorker(600);
    await eventually(() => steps.length === 1);
    expect(Date.now()).toBeLessThan(until);
    await queueIsEmpty();
    expect(steps).toEqual(['begun', 'permitted']);
    expect(Date.now()).toBeGreaterThanOrEqual(until);
  });

  it('one that was kept for long is none', async () => {
    let waited = 0;
    handle = async (_event, delivery) => {
      const began = Date.now();
      await eventually(() => Date.now() - began > 1_100);
      await delivery.usePermit();
      waited = Date.now() - began;
    };
    await put();
    await startWorker(30);
    await queueIsEmpty();
    expect(waited).toBeGreaterThan(2_000);
  });

  it('one that was not used goes back at the end', async () => {
    let handled = 0;
    handle = async () => void handled++;
    await Promise.all([put(), put(), put()]);
    const startedAt = Date.now();
    await startWorker(1);
    await queueIsEmpty();
    expect(handled).toBe(3);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it('gives back at once, when it ends, what waits for one', async () => {
    handle = async () => undefined;
    const budget = await startWorker(600);
    await budget.holdUntil(Date.now() + 3_600_000);
    await Promise.all(Array.from({ length: 10 }, () => put()));
    const name = workConsumer('generate', 'normal');
    await eventually(async () => (await broker.manager.consumers.info(WORK_STREAM, name)).num_ack_pending > 0);
    await workers.pop()!.close();
    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, name);
    const another = await consumer.consume({ callback: (message) => message.ack() });
    // Long before the ack wait of 30 s.
    await queueIsEmpty(5_000);
    await another.close();
  });
});
