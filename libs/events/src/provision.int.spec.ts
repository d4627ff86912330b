import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { PersistMode } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { v7 as uuidv7 } from 'uuid';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { Claims } from './claims.js';
import { connectBroker, type Broker } from './connect.js';
import { exampleEvent } from './event-store.contract.js';
import { inspectTopology } from './inspect.js';
import { JetStreamEventStore } from './jetstream-event-store.js';
import { JetStreamLogReader } from './jetstream-log-reader.js';
import { provision } from './provision.js';
import {
  bucketKey,
  bucketStream,
  EVENTS_STREAM,
  IDEMPOTENCY_BUCKET,
  PREDICTIONS_BUCKET,
  WORK_STREAM,
} from './subjects.js';

const OPTIONS = { replicas: 1 };

describe('provision', () => {
  let nats: TestNats;
  let broker: Broker;
  beforeEach(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
  });
  afterEach(async () => {
    await broker.close();
    await nats.stop();
  });
  const streams = () => broker.manager.streams;
  const snapshot = async () => {
    const found: unknown[] = [];
    for await (const { config } of streams().list()) {
      found.push(config);
      for await (const consumer of broker.manager.consumers.list(config.name))
        found.push(consumer.config, consumer.created);
    }
    return found;
  };

  it('makes the log durable and checked, and work a queue', async () => {
    await provision(broker, OPTIONS);
    expect((await streams().info(EVENTS_STREAM)).config).toMatchObject({
      retention: 'limits',
      storage: 'file',
      discard: 'new',
      allow_direct: true,
      allow_atomic: true,
      subjects: ['generation.*'],
    });
    expect((await streams().info(WORK_STREAM)).config).toMatchObject({
      retention: 'workqueue',
      allow_msg_schedules: true,
      persist_mode: 'async',
    });
    const consumers = [];
    for await (const { name } of broker.manager.consumers.list(WORK_STREAM)) consumers.push(name);
    expect(consumers.sort()).toEqual(
      ['admit', 'cancel', 'download', 'due', 'generate'].flatMap((stage) =>
        ['high', 'low', 'normal'].map((lane) => `${stage}-${lane}`),
      ),
    );
  });

  it('changes nothing the second time', async () => {
    await provision(broker, OPTIONS);
    const first = await snapshot();
    await provision(broker, OPTIONS);
    expect(await snapshot()).toEqual(first);
  });

  it('may be done by many at once: they agree on one log', async () => {
    await Promise.all(Array.from({ length: 8 }, () => provision(broker, OPTIONS)));
    const ids = await Promise.all(Array.from({ length: 3 }, () => new JetStreamLogReader(broker).identify()));
    expect(new Set(ids.map(({ id }) => id)).size).toBe(1);
  });

  it('brings a stream of an older configuration up to date, and keeps its messages and identity', async () => {
    await provision(broker, OPTIONS);
    const { id } = await new JetStreamLogReader(broker).identify();
    const generationId = generationIdFrom(uuidv7());
    await new JetStreamEventStore(broker).append(exampleEvent(generationId), 0);
    const { config } = await streams().info(EVENTS_STREAM);
    await streams().update(EVENTS_STREAM, { ...config, description: 'an older one', max_msg_size: 1_000_000 });
    await provision(broker, OPTIONS);
    expect((await streams().info(EVENTS_STREAM)).config.description).toContain('The log');
    expect((await new JetStreamLogReader(broker).identify()).id).toBe(id);
    expect((await new JetStreamEventStore(broker).load(generationId)).events).toHaveLength(1);
  });

  it('keeps a work queue that is written at once, as earlier releases made it', async () => {
    await provision(broker, OPTIONS);
    const { config } = await streams().info(WORK_STREAM);
    await streams().delete(WORK_STREAM);
    await streams().add({ ...config, persist_mode: PersistMode.Default, subjects: ['work.>'], metadata: {} });
    await provision(broker, OPTIONS);
    const { config: kept } = await streams().info(WORK_STREAM);
    expect(kept).toMatchObject({ subjects: config.subjects, metadata: { darkroom_topology: '3' } });
    expect(kept.persist_mode).toBeUndefined();
    expect(await inspectTopology(broker)).toEqual([]);
  });

  it('lets claims be committed together, also in a bucket that an earlier release made', async () => {
    await new Kvm(broker.jetstream).create(PREDICTIONS_BUCKET, { history: 1 });
    await provision(broker, OPTIONS);
    for (const bucket of [PREDICTIONS_BUCKET, IDEMPOTENCY_BUCKET]) {
      expect((await streams().info(bucketStream(bucket))).config.allow_atomic).toBe(true);
    }
  });

  it('changes a consumer in place', async () => {
    await provision(broker, { ...OPTIONS, ackWaitMs: 2_000, maxDeliver: 4 });
    const before = await broker.manager.consumers.info(WORK_STREAM, 'generate-high');
    await provision(broker, OPTIONS);
    const after = await broker.manager.consumers.info(WORK_STREAM, 'generate-high');
    expect(after.config).toMatchObject({ ack_wait: 30_000_000_000, max_deliver: 25 });
    expect(after.created).toBe(before.created);
  });

  it('makes a consumer anew that cannot be changed in place, from where it stood', async () => {
    await provision(broker, OPTIONS);
    const store = new JetStreamEventStore(broker);
    await broker.manager.consumers.delete(EVENTS_STREAM, 'dispatcher');
    await broker.manager.consumers.add(EVENTS_STREAM, { durable_name: 'dispatcher', ack_policy: 'all' });
    for (let i = 0; i < 5; i++) await store.append(exampleEvent(generationIdFrom(uuidv7())), 0);
    const old = await broker.jetstream.consumers.get(EVENTS_STREAM, 'dispatcher');
    for (let i = 0; i < 2; i++) await (await old.next())!.ackAck();
    await provision(broker, OPTIONS);
    const renewed = await broker.jetstream.consumers.get(EVENTS_STREAM, 'dispatcher');
    expect((await renewed.info()).config.ack_policy).toBe('explicit');
    expect((await renewed.next())?.seq).toBe(3);
    await provision(broker, OPTIONS);
    expect(
      (await (await broker.jetstream.consumers.get(EVENTS_STREAM, 'dispatcher')).info()).delivered.stream_seq,
    ).toBe(3);
  });

  it('a consumer that is paused is made anew paused', async () => {
    await provision(broker, OPTIONS);
    await broker.manager.consumers.delete(EVENTS_STREAM, 'dispatcher');
    await broker.manager.consumers.add(EVENTS_STREAM, { durable_name: 'dispatcher', ack_policy: 'all' });
    await broker.manager.consumers.pause(EVENTS_STREAM, 'dispatcher', new Date('2200-01-01'));
    await provision(broker, OPTIONS);
    expect(await broker.manager.consumers.info(EVENTS_STREAM, 'dispatcher')).toMatchObject({
      paused: true,
      config: { ack_policy: 'explicit', pause_until: '2200-01-01T00:00:00Z' },
    });
  });

  it('refuses a stream that would lose its data by the change, and says what to do', async () => {
    await streams().add({ name: EVENTS_STREAM, subjects: ['generation.*'], storage: 'memory' });
    await expect(provision(broker, OPTIONS)).rejects.toThrow(/EVENTS .*cannot be changed in place/);
  });

  it('waits for a server that is away, until it is back or the wait is ended', async () => {
    await nats.kill9();
    const abort = new AbortController();
    const given = provision(broker, OPTIONS, abort.signal);
    abort.abort(new Error('enough'));
    await expect(given).rejects.toThrow();

    const waiting = provision(broker, OPTIONS);
    await nats.restart();
    await waiting;
    expect((await streams().info(EVENTS_STREAM)).config.subjects).toEqual(['generation.*']);
  }, 60_000);

  it('leaves the configuration of a newer release alone', async () => {
    await provision(broker, OPTIONS);
    const { config } = await streams().info(WORK_STREAM);
    const newer = {
      ...config,
      description: 'from the future',
      metadata: { ...config.metadata, darkroom_topology: '99' },
    };
    await streams().update(WORK_STREAM, newer);
    await provision(broker, OPTIONS);
    expect((await streams().info(WORK_STREAM)).config.description).toBe('from the future');
  });
});

describe('Claims', () => {
  let nats: TestNats;
  let broker: Broker;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, OPTIONS);
  });
  afterEach(async () => {
    if (!broker.connected) await nats.restart();
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  it('gives a key to exactly one of fifty, and tells all of them who', async () => {
    const claims = await Claims.open(broker, IDEMPOTENCY_BUCKET);
    const key = bucketKey('user-1', 'order 42 / ütf');
    expect(await claims.holder(key)).toBeNull();
    const holders = await Promise.all(Array.from({ length: 50 }, (_, i) => claims.claim(key, `value-${i}`)));
    expect(new Set(holders).size).toBe(1);
    expect(await claims.holder(key)).toBe(holders[0]);
    expect(await claims.claim(key, 'late')).toBe(holders[0]);
  });

  it('answers many claims at once, each for itself', async () => {
    const claims = await Claims.open(broker, PREDICTIONS_BUCKET);
    const keys = Array.from({ length: 200 }, (_, i) => bucketKey('prediction', String(i)));
    await claims.claim(keys[150]!, 'somebody');
    const owners = await Promise.all(keys.map((key, i) => claims.claim(key, `owner-${i}`)));
    expect(owners).toEqual(keys.map((_, i) => (i === 150 ? 'somebody' : `owner-${i}`)));
    expect(await Promise.all(keys.map((key) => claims.holder(key)))).toEqual(owners);
  });

  it('lets a key be claimed anew that an operator has deleted', async () => {
    const claims = await Claims.open(broker, IDEMPOTENCY_BUCKET);
    const key = bucketKey('user-1', 'deleted');
    await claims.claim(key, 'first');
    await (await new Kvm(broker.jetstream).open(IDEMPOTENCY_BUCKET)).delete(key);
    expect(await claims.holder(key)).toBeNull();
    expect(await claims.claim(key, 'second')).toBe('second');
    expect(await claims.claim(key, 'third')).toBe('second');
  });

  it('is unavailable while the broker is away', async () => {
    const claims = await Claims.open(broker, IDEMPOTENCY_BUCKET);
    await nats.kill9();
    await expect(claims.claim(bucketKey('a'), 'b')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
