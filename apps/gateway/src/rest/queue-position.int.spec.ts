import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom, type Lane } from '@darkroom/domain';
import {
  CommandRunner,
  connectBroker,
  lineSubject,
  QueuePositions,
  WaitingLine,
  WORK_STREAM,
  workConsumer,
  WorkQueue,
  type Broker,
  type RecordedEvent,
} from '@darkroom/events';
import { v7 as uuidv7 } from 'uuid';
import { exampleRequest } from '../../../../libs/events/src/event-store.contract.js';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { sendGraphql } from '../../test/graphql.js';

describe('queue_position', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let broker: Broker;
  let line: WaitingLine;
  let queue: WorkQueue;
  let runner: CommandRunner;
  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    line = new WaitingLine(broker);
    queue = new WorkQueue(broker);
    runner = new CommandRunner(gateway.log.store, { source: '/darkroom/test' });
  });
  afterAll(async () => {
    await broker.close();
    await gateway.close();
    await nats.stop();
  });

  /** Asks, as the gateway does; the test is the dispatcher. */
  async function requested(user: string, lane: Lane = 'normal', limit: number | null = null): Promise<RecordedEvent> {
    const request = exampleRequest({ user_id: user, lane, concurrency_limit: limit });
    const command = { type: 'Request', commandId: uuidv7(), at: new Date().toISOString(), request } as const;
    const outcome = await runner.execute(generationIdFrom(uuidv7()), command);
    if (outcome.kind !== 'done' || !outcome.event) throw new Error('not accepted');
    return outcome.event;
  }

  const positionOf = async ({ generationId, userId }: RecordedEvent): Promise<unknown> =>
    (await gateway.send(`/v1/generations/${generationId}`, { user: userId })).json.queue_position;
  /** Answers are good for a second. */
  const becomes = (event: RecordedEvent, position: number | null) =>
    eventually(async () => (await positionOf(event)) === position, { what: `position ${position}` });

  it('counts what was asked for before it in its lane, whoever asked, and nobody has in hand', async () => {
    const events = [await requested('a', 'high'), await requested('b', 'high'), await requested('a', 'high')];
    const [, second, third] = events;
    expect(await positionOf(third!)).toBeNull();
    for (const event of events) await queue.put(event, 'generate', 'high', null);
    await becomes(third!, 3);
    expect(await positionOf(second!)).toBe(2);
    const answer = await sendGraphql(
      gateway,
      'query ($id: ID!) { generation(id: $id) { queuePosition } }',
      { id: third!.generationId },
      { user: 'a' },
    );
    expect(answer.data).toEqual({ generation: { queuePosition: 3 } });

    const consumer = await broker.jetstream.consumers.get(WORK_STREAM, workConsumer('generate', 'high'));
    const first = await consumer.next({ expires: 2_000 });
    await becomes(third!, 2);
    await first!.ackAck();
    const start = { type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null } as const;
    await runner.execute(second!.generationId, { ...start, commandId: uuidv7(), at: new Date().toISOString() });
    // It does not wait any more.
    expect(await positionOf(second!)).toBeNull();
  });

  it('counts what was scheduled by itself: it takes turns with the lane', async () => {
    const events = [await requested('due', 'low'), await requested('due', 'low')];
    for (const event of events) await queue.put(event, 'due', 'low', null);
    await becomes(events[1]!, 2);
    expect(await positionOf(events[0]!)).toBe(1);
  });

  it('counts in its user’s own line those who are let in before it: higher lanes first', async () => {
    const lanes: Lane[] = ['low', 'normal', 'normal', 'high'];
    const events: RecordedEvent[] = [];
    for (const lane of lanes) {
      const event = await requested('liner', lane, 1);
      await line.join(event, lane);
      events.push(event);
    }
    const another = await requested('another-liner', 'high', 1);
    await line.join(another, 'high');
    await becomes(events[0]!, 4);
    expect(await Promise.all(events.map(positionOf))).toEqual([4, 2, 3, 1]);
    expect(await positionOf(another)).toBe(1);
    await broker.manager.streams.purge(WORK_STREAM, { filter: lineSubject('liner', 'high', events[3]!.generationId) });
    await becomes(events[0]!, 3);
  });

  it('is null for what has a time of its own, and for what has ended', async () => {
    const event = await requested('later', 'low');
    await queue.put(event, 'generate', 'low', null);
    await becomes(event, 1);
    await gateway.send(`/v1/generations/${event.generationId}/cancel`, { method: 'POST', user: 'later' });
    expect(await positionOf(event)).toBeNull();
  });

  it('asks the broker once a second, however many want to know', async () => {
    let asked = 0;
    const requests = broker.connection.subscribe(`$JS.API.STREAM.INFO.${WORK_STREAM}`, {
      callback: () => void asked++,
    });
    const positions = new QueuePositions(broker);
    const queued = { generationId: uuidv7(), userId: 'x', lane: 'low', limited: true } as const;
    await Promise.all(Array.from({ length: 200 }, () => positions.of(queued)));
    await broker.connection.flush();
    requests.unsubscribe();
    // Of the line, of the lane, and of what was scheduled for it.
    expect(asked).toBe(3);
  });

  it('is null, and no error, when the broker does not tell', async () => {
    const event = await requested('unlucky', 'high');
    await queue.put(event, 'generate', 'high', null);
    await becomes(event, 3);
    await broker.manager.streams.delete(WORK_STREAM);
    await becomes(event, null);
    expect((await gateway.send(`/v1/generations/${event.generationId}`, { user: 'unlucky' })).status).toBe(200);
  });
});
