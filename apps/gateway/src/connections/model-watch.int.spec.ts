import type { ModelSwitches } from '@darkroom/domain';
import {
  connectBroker,
  CONTROL_BUCKET,
  EventStoreError,
  ModelSwitchboard,
  provision,
  type Broker,
} from '@darkroom/events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { ModelWatch } from './model-watch.js';

describe('ModelWatch', () => {
  let nats: TestNats;
  let broker: Broker;
  let board: ModelSwitchboard;
  let watch: ModelWatch;
  let heard: ModelSwitches[];
  /** As a gateway that has not reached NATS yet. */
  let away: boolean;

  beforeEach(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    board = await ModelSwitchboard.open(broker);
    heard = [];
    away = false;
    const switchboard = () => {
      if (away) throw new EventStoreError('unavailable', 'NATS has not been reached yet');
      return board;
    };
    watch = new ModelWatch(switchboard, (switches) => heard.push(switches), 200);
  });
  afterEach(async () => {
    await watch.close();
    await broker.close();
    await nats.stop();
  });

  const isOff = (id: string) => heard.at(-1)?.get(id)?.to === 'off';

  it('begins when there is something to watch, and goes on after a restart of the broker', async () => {
    away = true;
    watch.start();
    await board.set('a/b', 'off', null);
    away = false;
    await eventually(() => isOff('a/b'));
    await nats.kill9();
    await eventually(() => !broker.connected);
    expect(isOff('a/b')).toBe(true);
    await nats.restart();
    await eventually(async () => (await board.set('a/c', 'off', null)) === null);
    await eventually(() => isOff('a/b') && isOff('a/c'));
  });

  it('notices that the bucket was made anew: what it knew holds until then', async () => {
    await board.set('a/b', 'off', null);
    watch.start();
    await eventually(() => isOff('a/b'));
    await broker.manager.streams.delete(`KV_${CONTROL_BUCKET}`);
    await expect(board.read()).rejects.toThrow();
    expect(isOff('a/b')).toBe(true);
    await provision(broker, { replicas: 1 });
    expect(heard).toHaveLength(1);
    await eventually(() => !isOff('a/b'));
    await board.set('a/c', 'off', null);
    await eventually(() => isOff('a/c'));
  });

  it('ends at once, whatever it waits for', async () => {
    watch.start();
    await eventually(() => heard.length > 0);
    const begun = performance.now();
    await watch.close();
    expect(performance.now() - begun).toBeLessThan(500);
    const { length } = heard;
    await board.set('a/b', 'off', null);
    expect(heard).toHaveLength(length);
  });
});
