import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { connectBroker, provision } from '@darkroom/events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { tryInVain } from '../../test/play-worker.js';
import { LiveHub, type LiveHubOptions } from './live-hub.js';
import { type Change, type Subscription } from './subscription.js';

describe('LiveHub', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let stop: AbortController;
  const hubs: LiveHub[] = [];

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
  });
  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(hubs.splice(0).map((hub) => hub.close()));
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  async function startHub(options?: LiveHubOptions): Promise<LiveHub> {
    const hub = new LiveHub(gateway.log, options);
    hubs.push(hub);
    hub.start();
    await eventually(async () => (await hub.check(), true));
    return hub;
  }

  async function requested(user: string): Promise<string> {
    const { json } = await gateway.send('/v1/generations', { user, json: { prompt: 'a lighthouse' } });
    return (json as { id: string }).id;
  }

  /** Reads in the background; `heard` grows. */
  function listen(subscription: Subscription) {
    const heard: string[] = [];
    const name = (change: Change) =>
      typeof change === 'symbol' ? change.description! : `${change.generationId} ${change.version}`;
    const ended = (async () => {
      for await (const change of subscription) heard.push(name(change));
    })();
    ended.catch(() => undefined);
    return { heard, ended };
  }

  it('hands the events of a generation, of a user and of everybody to those who subscribed to them', async () => {
    const hub = await startHub();
    const id = await requested('alice');
    const ofOne = listen(hub.subscribe({ generationId: id }, stop.signal));
    const ofUser = listen(hub.subscribe({ userId: 'alice' }, stop.signal));
    const ofOther = listen(hub.subscribe({ userId: 'bob' }, stop.signal));
    const ofAll = listen(hub.subscribe('everything', stop.signal));

    const [second, others] = [await requested('alice'), await requested('bob')];
    await tryInVain(gateway, id);
    // The hub may hand out the very first event, too; each of them reads at its own pace.
    await eventually(() => [ofOne, ofUser, ofAll].every(({ heard }) => heard.includes(`${id} 3`)));
    expect(ofOne.heard.filter((name) => name !== `${id} 1`)).toEqual([`${id} 2`, `${id} 3`]);
    expect(ofUser.heard.filter((name) => name !== `${id} 1`)).toEqual([`${second} 1`, `${id} 2`, `${id} 3`]);
    expect(ofOther.heard).toEqual([`${others} 1`]);
    stop.abort();
    await Promise.all([ofOne, ofUser, ofOther, ofAll].map(({ ended }) => ended));
  });

  it('cuts a subscriber that falls behind, and the others do not notice', async () => {
    let subscribers = 0;
    const hub = await startHub({ capacity: 5, onSubscribers: (count) => (subscribers = count) });
    const id = await requested('carol');
    const slow = hub.subscribe({ userId: 'carol' }, stop.signal);
    const quick = listen(hub.subscribe({ userId: 'carol' }, stop.signal));
    expect(subscribers).toBe(2);
    await tryInVain(gateway, id, 10);
    await eventually(() => quick.heard.includes(`${id} 21`));
    expect(slow.signal.aborted).toBe(true);
    await expect(slow[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'unavailable' });
    expect(subscribers).toBe(1);
    stop.abort();
    await quick.ended;
    expect(subscribers).toBe(0);
  });

  it('says that events may have been missed before it had reached the log', async () => {
    const hub = new LiveHub(gateway.log);
    hubs.push(hub);
    await expect(hub.check()).rejects.toMatchObject({ kind: 'unavailable' });
    const early = listen(hub.subscribe('everything', stop.signal));
    hub.start();
    await eventually(() => early.heard.length > 0);
    expect(early.heard).toEqual(['MISSED']);
  });

  it('ends every subscription when it closes, and takes no new one', async () => {
    const hub = await startHub();
    const listening = listen(hub.subscribe('everything', stop.signal));
    await hub.close();
    await listening.ended;
    await listen(hub.subscribe('everything', stop.signal)).ended;
  });

  it('goes on without a gap after NATS was killed; who is less patient is told', async () => {
    const [patient, impatient] = [await startHub(), await startHub({ patienceMs: 200 })];
    const id = await requested('dave');
    const waiting = listen(patient.subscribe({ userId: 'dave' }, stop.signal));
    const told = listen(impatient.subscribe({ userId: 'dave' }, stop.signal));
    await nats.kill9();
    await expect(told.ended).rejects.toMatchObject({ code: 'unavailable' });
    await nats.restart();
    await gateway.ready();
    await tryInVain(gateway, id);
    await eventually(() => waiting.heard.includes(`${id} 3`));
    expect(waiting.heard.filter((name) => name !== `${id} 1`)).toEqual([`${id} 2`, `${id} 3`]);
  });

  it('says that events may have been missed when the log is another one', async () => {
    const hub = await startHub();
    const listening = listen(hub.subscribe('everything', stop.signal));
    await nats.kill9();
    await rm(join(nats.dir, 'jetstream'), { recursive: true });
    await nats.restart();
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    await broker.close();
    await eventually(() => listening.heard.includes('MISSED'));
    await gateway.ready();
    const id = await eventually(() => requested('erin'));
    await eventually(() => listening.heard.at(-1) === `${id} 1`);
  });
});
