import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { inspectTopology } from './inspect.js';
import { provision } from './provision.js';
import { EVENTS_STREAM, WORK_STREAM } from './subjects.js';

describe('inspectTopology', () => {
  let nats: TestNats;
  let broker: Broker;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  it('misses everything on an empty server, and makes nothing', async () => {
    const names = (await inspectTopology(broker)).map(({ name, kind }) => `${kind} ${name}`);
    expect(names).toEqual(
      expect.arrayContaining(['missing stream EVENTS', 'missing stream WORK', 'missing bucket CONTROL']),
    );
    expect(await broker.manager.streams.list().next()).toEqual([]);
  });

  it('finds nothing after provisioning, whatever its environment was, and what was changed since', async () => {
    await provision(broker, { replicas: 1, ackWaitMs: 1_500 });
    expect(await inspectTopology(broker)).toEqual([]);
    const { streams, consumers } = broker.manager;
    const { config } = await streams.info(EVENTS_STREAM);
    await streams.update(EVENTS_STREAM, { ...config, max_msg_size: 1_000_000 });
    await consumers.update(WORK_STREAM, 'generate-high', { max_deliver: 3 });
    await consumers.delete(WORK_STREAM, 'generate-low');
    await streams.delete('KV_CONTROL');
    expect(await inspectTopology(broker)).toEqual([
      { name: 'stream EVENTS', kind: 'different', fields: ['max_msg_size'] },
      { name: 'consumer generate-high', kind: 'different', fields: ['max_deliver'] },
      { name: 'consumer generate-low', kind: 'missing', fields: [] },
      { name: 'bucket CONTROL', kind: 'missing', fields: [] },
    ]);
    await provision(broker, { replicas: 1 });
    expect(await inspectTopology(broker)).toEqual([]);
  });

  it('leaves a newer release to itself', async () => {
    const { config } = await broker.manager.streams.info(WORK_STREAM);
    const metadata = { ...config.metadata, darkroom_topology: '99' };
    await broker.manager.streams.update(WORK_STREAM, { ...config, metadata });
    expect(await inspectTopology(broker)).toEqual([{ name: 'stream WORK', kind: 'newer', fields: [] }]);
  });

  it('is unavailable without a server', async () => {
    await nats.kill9();
    await expect(inspectTopology(broker)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
