import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Module, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, Payload } from '@nestjs/microservices';
import { generationIdFrom, type Lane } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { connectBroker, type Broker } from '../connect.js';
import { exampleEvent, exampleRequest } from '../event-store.contract.js';
import type { RecordedEvent } from '../event-store.js';
import { CommandRunner } from '../execute.js';
import { JetStreamEventStore } from '../jetstream-event-store.js';
import { provision } from '../provision.js';
import { DISPATCHER_CONSUMER, EVENTS_STREAM, WORK_STREAM, workConsumer } from '../subjects.js';
import { WorkQueue } from '../work-queue.js';
import { Delivery, HandBack, Unprocessable } from './delivery.js';
import { Handles } from './handles.js';
import { JetStreamTransport, type TransportOptions } from './jetstream-transport.js';
import type { ExhaustedAdvisory } from './subscriptions.js';

const ACK_WAIT_MS = 1_000;

/** What the controllers below do with their work; every test sets its own. */
let handle: (event: RecordedEvent, delivery: Delivery) => Promise<unknown> | undefined;
let exhausted: ExhaustedAdvisory[];

@Controller()
class GenerateController {
  @Handles('work.generate')
  generate(@Payload() event: RecordedEvent, @Ctx() delivery: Delivery): Promise<unknown> | undefined {
    return handle(event, delivery);
  }

  @Handles('exhausted')
  exhausted(@Payload() advisory: ExhaustedAdvisory): void {
    exhausted.push(advisory);
  }
}

@Module({ controllers: [GenerateController] })
class WorkerModule {}

let facts: RecordedEvent[];

@Controller()
class FactsController {
  @Handles('facts')
  note(@Payload() event: RecordedEvent): void {
    facts.push(event);
  }
}

@Module({ controllers: [FactsController] })
class FactsModule {}

/** A promise that a test settles itself. */
function signal(): { wait: Promise<void>; fire: () => void } {
  let fire = (): void => undefined;
  const wait = new Promise<void>((resolve) => (fire = resolve));
  return { wait, fire };
}

describe('JetStreamTransport', () => {
  let nats: TestNats;
  let broker: Broker;
  const workers: INestMicroservice[] = [];

  beforeEach(async () => {
    exhausted = [];
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1, ackWaitMs: ACK_WAIT_MS, maxDeliver: 3 });
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await broker.close();
    await nats.stop();
  });

  async function startWorker(
    options: Partial<TransportOptions> = {},
    module: Type = WorkerModule,
  ): Promise<JetStreamTransport> {
    const strategy = new JetStreamTransport({ broker, ackWaitMs: ACK_WAIT_MS, drainMs: 2_000, ...options });
    const worker = await NestFactory.createMicroservice(module, { strategy, logger: false });
    workers.push(worker);
    await worker.listen();
    return strategy;
  }

  async function put(lane: Lane = 'normal'): Promise<RecordedEvent> {
    const event: RecordedEvent = { ...exampleEvent(generationIdFrom(uuidv7())), position: 7 } as RecordedEvent;
    await new WorkQueue(broker).put(event, 'generate', lane, null);
    return event;
  }

  const depth = async (): Promise<number> => (await broker.manager.streams.info(WORK_STREAM)).state.messages;
  const queueIsEmpty = () => eventually(async () => (await depth()) === 0, { what: 'an empty queue' });

  it('gives the handler the event as it was written, and takes it from the queue afterwards', async () => {
    const seen: { event: RecordedEvent; count: number }[] = [];
    handle = async (event, delivery) => void seen.push({ event, count: delivery.deliveryCount });
    await startWorker();
    const event = await put();
    await queueIsEmpty();
    expect(seen).toEqual([{ event, count: 1 }]);
  });

  it('delivers again what a handler failed on, and reports the error itself', async () => {
    class Odd extends Error {}
    const failures: unknown[] = [];
    const counts: number[] = [];
    handle = async (_event, delivery) => {
      counts.push(delivery.deliveryCount);
      if (delivery.deliveryCount === 1) throw new Odd('no such luck');
    };
    await startWorker({ observer: { failed: (pattern, error, final) => void failures.push([pattern, error, final]) } });
    await put();
    await queueIsEmpty();
    expect(counts).toEqual([1, 2]);
    expect(failures).toEqual([['work.generate', new Odd('no such luck'), false]]);
    expect((failures[0] as unknown[])[1]).toBeInstanceOf(Odd);
  });

  it('takes out at once what no delivery can make sense of', async () => {
    const finals: boolean[] = [];
    let calls = 0;
    handle = async () => {
      calls++;
      throw new Unprocessable('nonsense');
    };
    await startWorker({ observer: { failed: (_pattern, _error, final) => void finals.push(final) } });
    await put();
    await broker.jetstream.publish('work.generate.high.x', 'no envelope at all');
    await queueIsEmpty();
    expect(calls).toBe(1);
    expect(finals).toEqual([true, true]);
  });

  it('acknowledges what needs no handler, also among what does', async () => {
    facts = [];
    await startWorker({}, FactsModule);
    const runner = new CommandRunner(new JetStreamEventStore(broker), { source: '/darkroom/test' });
    const command = () => ({ commandId: uuidv7(), at: new Date().toISOString() });
    const begin = async (): Promise<string> => {
      const id = generationIdFrom(uuidv7());
      await runner.execute(id, { type: 'Request', request: exampleRequest(), ...command() });
      const attempt = { type: 'StartAttempt', stage: 'generate', worker: 'worker-1', deadline: null } as const;
      expect((await runner.execute(id, { ...attempt, ...command() })).kind).toBe('done');
      return id;
    };
    const ids = await Promise.all(Array.from({ length: 50 }, begin));
    await eventually(
      async () => {
        const consumer = await broker.manager.consumers.info(EVENTS_STREAM, DISPATCHER_CONSUMER);
        return consumer.ack_floor.stream_seq === 2 * ids.length;
      },
      { what: 'all facts to be acknowledged' },
    );
    expect(facts.map(({ type, generationId }) => [type, generationId]).sort()).toEqual(
      ids.map((id) => ['GenerationRequested', id]).sort(),
    );
  });

  it('keeps a message alive for as long as its handler runs', async () => {
    let calls = 0;
    const done = signal();
    handle = () => (calls++, done.wait);
    const other = await startWorker();
    await startWorker();
    await put();
    const started = Date.now();
    await eventually(() => Date.now() - started > 3 * ACK_WAIT_MS, { what: 'three ack waits to pass' });
    expect(calls).toBe(1);
    expect(other.inFlight('work.generate')).toBeLessThanOrEqual(1);
    done.fire();
    await queueIsEmpty();
    expect(calls).toBe(1);
  });

  it('never runs more handlers at once than it may, and pulls no more than it can hold', async () => {
    let running = 0;
    let most = 0;
    let gate = signal();
    handle = async () => {
      most = Math.max(most, ++running);
      await gate.wait;
      running--;
    };
    await Promise.all(Array.from({ length: 40 }, () => put()));
    await startWorker({ concurrency: { 'work.generate': 3 } });
    await eventually(() => running === 3);
    const info = await broker.manager.consumers.info(WORK_STREAM, workConsumer('generate', 'normal'));
    // Three in hand, at most what one pull brought for three free slots beside them.
    expect(info.num_ack_pending).toBeLessThanOrEqual(6);
    expect(info.num_pending).toBeGreaterThanOrEqual(34);
    gate.fire();
    gate = signal();
    gate.fire();
    await queueIsEmpty();
    expect(most).toBe(3);
  });

  it('serves lanes by weight and starves none', async () => {
    const order: string[] = [];
    const store = new JetStreamEventStore(broker);
    handle = async (event, delivery) => {
      order.push(delivery.subject.split('.')[2] ?? '');
      // What every handler of ours does first; without it they would end before the next pull is answered.
      for (let i = 0; i < 3; i++) await store.load(event.generationId);
    };
    for (const lane of ['low', 'normal', 'high'] as const)
      await Promise.all(Array.from({ length: 60 }, () => put(lane)));
    await startWorker({ concurrency: { 'work.generate': 1 } });
    await queueIsEmpty();
    const first = order.slice(0, 60);
    const share = (lane: string) => first.filter((each) => each === lane).length;
    // 6 : 3 : 1 of sixty, with room for pulls that were still under way.
    expect(share('high')).toBeGreaterThanOrEqual(30);
    expect(share('normal')).toBeGreaterThanOrEqual(12);
    expect(share('low')).toBeGreaterThanOrEqual(4);
    expect(share('high')).toBeGreaterThan(share('normal'));
    expect(share('normal')).toBeGreaterThan(share('low'));
  });

  it('hands unfinished work back at once when it is closed', async () => {
    const begun = signal();
    handle = (_event, delivery) => {
      begun.fire();
      return new Promise((_resolve, reject) =>
        delivery.signal.addEventListener('abort', () => reject(delivery.signal.reason as Error)),
      );
    };
    await startWorker();
    await put();
    await begun.wait;
    const closedAt = Date.now();
    await workers.pop()!.close();
    const taken = signal();
    let count = 0;
    handle = async (_event, delivery) => {
      count = delivery.deliveryCount;
      taken.fire();
    };
    await startWorker();
    await taken.wait;
    expect(count).toBe(2);
    expect(Date.now() - closedAt).toBeLessThan(ACK_WAIT_MS);
    await queueIsEmpty();
  });

  it('gives back also what was on its way when it was closed', async () => {
    await provision(broker, { replicas: 1, ackWaitMs: 30_000 });
    handle = () => Promise.resolve();
    for (let round = 0; round < 20; round++) {
      await startWorker();
      const putting = Promise.all(Array.from({ length: 20 }, () => put()));
      await put();
      await workers.pop()!.close();
      await putting;
      // What is left has to be there for another worker now, and not when the ack wait is over.
      const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('generate', 'normal'));
      const another = await consumer.consume({ callback: (message) => message.ack() });
      await eventually(async () => (await depth()) === 0, {
        timeoutMs: 5_000,
        what: `an empty queue in round ${round}`,
      });
      await another.close();
    }
  }, 60_000);

  it('takes the work from handlers that do not end in time', async () => {
    const begun = signal();
    const never = new Promise<void>(() => undefined);
    handle = () => (begun.fire(), never);
    await startWorker({ drainMs: 100 });
    await put();
    await begun.wait;
    await workers.pop()!.close();
    const taken = signal();
    handle = async () => taken.fire();
    await startWorker();
    await taken.wait;
    await queueIsEmpty();
  });

  it('lets a handler finish that is quick to end', async () => {
    const begun = signal();
    const end = signal();
    let finished = false;
    handle = async () => {
      begun.fire();
      await end.wait;
      finished = true;
    };
    await startWorker();
    await put();
    await begun.wait;
    const closing = workers.pop()!.close();
    end.fire();
    await closing;
    expect(finished).toBe(true);
    await queueIsEmpty();
  });

  it('stops delivering at the limit and says so to whoever handles exhausted work', async () => {
    let calls = 0;
    handle = async () => {
      calls++;
      throw new HandBack('always');
    };
    await startWorker();
    await put();
    const advisory = await eventually(() => exhausted[0]);
    expect(calls).toBe(3);
    expect(advisory).toMatchObject({ stream: WORK_STREAM, consumer: 'generate-normal', deliveries: 3 });
    expect(Date.now() - Date.parse(advisory.timestamp)).toBeLessThan(60_000);
    expect(await depth()).toBe(1);
  });

  it('goes on by itself after the broker was away', async () => {
    const seen: string[] = [];
    handle = async (event) => void seen.push(event.id);
    await startWorker();
    const before = await put();
    await eventually(() => seen.includes(before.id));
    await nats.kill9();
    await eventually(() => !broker.connected);
    await nats.restart();
    await eventually(() => broker.connected);
    const after = await put();
    await eventually(() => seen.includes(after.id), { timeoutMs: 20_000 });
    await queueIsEmpty();
  });

  it('refuses a handler for a subscription that does not exist', async () => {
    @Controller()
    class Wrong {
      @Handles('work.paint' as 'work.generate')
      paint(): void {}
    }
    @Module({ controllers: [Wrong] })
    class WrongModule {}
    await expect(startWorker({}, WrongModule)).rejects.toThrow('work.paint');
    workers.pop();
  });
});
