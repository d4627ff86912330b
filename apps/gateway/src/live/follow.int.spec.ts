import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generationIdFrom, type GenerationView } from '@darkroom/domain';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { CommandRunner, connectBroker, provision, type EventStore } from '@darkroom/events';
import type { ReadModels } from '@darkroom/read-models';
import type { ImageStorage } from '@darkroom/storage';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration, failGeneration, lastPosition, tryInVain } from '../../test/play-worker.js';
import { Admission } from '../application/admission.js';
import { GenerationsService } from '../application/generations.service.js';
import { ModelCatalogue } from '../application/models.js';
import { OwnImages } from '../application/own-images.js';
import { NO_LIMITS } from '../application/principal.js';
import { credentialSignal } from '../auth/credential-signal.js';
import { READ_MODELS, STORAGE } from '../connections/tokens.js';
import { KvIdempotencyKeys } from '../idempotency/kv-idempotency-keys.js';
import { KvQuotas } from '../limits/kv-quotas.js';
import { LiveHub } from './live-hub.js';

const alice = { userId: 'alice', operator: false, limits: NO_LIMITS, expiresAt: null };
const bob = { userId: 'bob', operator: false, limits: NO_LIMITS, expiresAt: null };
const operator = { userId: 'admin', operator: true, limits: NO_LIMITS, expiresAt: null };

const versions = (views: readonly GenerationView[]) => views.map(({ version }) => version);
const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

describe('following generations', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let service: GenerationsService;
  let stop: AbortController;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    service = gateway.app.get(GenerationsService);
  });
  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(() => stop.abort());
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const requested = async (user = 'alice'): Promise<GenerationView> =>
    (await gateway.send('/v1/generations', { user, json: { prompt: 'a lighthouse' } })).json as GenerationView;
  const complete = ({ id }: GenerationView) => completeGeneration(gateway, id, Buffer.from('x'));
  const follow = (id: string, after: number | null, principal = alice) =>
    service.follow(principal, id, { after, signal: stop.signal });

  /** Listens in the background; `views` grows. */
  function listen(source: AsyncIterable<GenerationView>) {
    const views: GenerationView[] = [];
    const ended = (async () => {
      for await (const view of source) views.push(view);
    })();
    ended.catch(() => undefined);
    return { views, ended };
  }

  async function all(source: AsyncIterable<GenerationView>): Promise<GenerationView[]> {
    const { views, ended } = listen(source);
    await ended;
    return views;
  }

  it('tells the present, then each change once and in order, and ends with the generation', async () => {
    const generation = await requested();
    const following = listen(await follow(generation.id, null));
    await eventually(() => following.views.length === 1);
    expect(following.views).toEqual([generation]);
    await complete(generation);
    await following.ended;
    expect(versions(following.views)).toEqual(upTo(6));
    expect(following.views.map(({ status }) => status)).toEqual([
      ...['queued', 'processing', 'processing', 'downloading', 'downloading', 'completed'],
    ]);
    expect(following.views.at(-1)).toEqual((await gateway.send(`/v1/generations/${generation.id}`)).json);
    const history = await service.history(alice, generation.id);
    expect(following.views.map(({ position }) => position)).toEqual(history.map(({ position }) => position));
  });

  it('refuses what the principal cannot see, before anything is told', async () => {
    const { id } = await requested();
    const hidden = [[bob, id] as const, [alice, generationIdFrom(uuidv7())] as const, [alice, 'nonsense'] as const];
    for (const [principal, wanted] of hidden) {
      await expect(follow(wanted, null, principal)).rejects.toMatchObject({ code: 'not_found' });
    }
    for await (const view of await follow(id, null, operator)) {
      expect(view).toMatchObject({ id });
      break;
    }
  });

  it('goes on after any position, without a gap or a repeat', async () => {
    const generation = await requested();
    await tryInVain(gateway, generation.id, 3);
    await complete(generation);
    const whole = await all(await follow(generation.id, 0));
    expect(versions(whole)).toEqual(upTo(12));
    for (let after = generation.position - 1; after <= whole.at(-1)!.position + 1; after++) {
      const following = await follow(generation.id, after);
      const rest = whole.filter(({ position }) => position > after);
      const isKnown = after <= (await lastPosition(gateway));
      expect(following.ended).toBe(rest.length === 0 && isKnown);
      // A position that the log has not reached is none of this log.
      const views = await all(following);
      expect(views).toEqual(isKnown ? rest : [whole.at(-1)]);
    }
  });

  it('waits after a position of the log that the generation has not reached', async () => {
    const [generation, other] = [await requested(), await requested()];
    const following = listen(await follow(generation.id, other.position));
    await complete(generation);
    await following.ended;
    expect(versions(following.views)).toEqual(upTo(6, 2));
  });

  it('tells each change once, however the changes and the beginning fall together', async () => {
    for (let round = 0; round < 60; round++) {
      const generation = await requested();
      const working = complete(generation);
      for (let i = 0; i < round % 20; i++) await turn();
      const [fromStart, fromPresent] = await Promise.all([follow(generation.id, 0), follow(generation.id, null)]);
      const [whole, rest] = await Promise.all([all(fromStart), all(fromPresent), working]);
      expect(versions(whole)).toEqual(upTo(6));
      expect(versions(rest)).toEqual(upTo(6, rest[0]!.version));
    }
  });

  it('misses nothing of what happens while the present is looked at', async () => {
    const generation = await requested();
    const { log, app } = gateway;
    const hub = app.get(LiveHub);
    /** Answers what was there before the generation came to its end, and the hub had told it. */
    const late: EventStore = {
      append: (event, expected) => log.store.append(event, expected),
      load: async (id) => {
        const loaded = await log.store.load(id);
        const told = listen(service.followAll(operator, { signal: stop.signal }));
        await complete(generation);
        await eventually(() => told.views.at(-1)?.status === 'completed');
        return loaded;
      },
    };
    const runner = new CommandRunner(late, { source: '/darkroom/test' });
    const keys = new KvIdempotencyKeys(log.idempotencyKeys);
    const admission = new Admission(new KvQuotas(log.quotas, late), late);
    const rules = { publicUrl: gateway.url, maxAttempts: 3, allowPrivateUrls: false };
    const queue = { of: async () => null };
    const readModels = app.get<ReadModels>(READ_MODELS);
    const models = new ModelCatalogue();
    const own = new OwnImages(late, app.get<ImageStorage>(STORAGE), gateway.url);
    const slow = new GenerationsService(late, runner, keys, admission, hub, readModels, rules, queue, models, own);
    const views = await all(await slow.follow(alice, generation.id, { after: null, signal: stop.signal }));
    expect(versions(views)).toEqual(upTo(6));
  });

  it('passes over a failure that was retried, and ends with one that was not', async () => {
    const generation = await requested();
    await failGeneration(gateway, generation.id);
    expect(versions(await all(await follow(generation.id, 0)))).toEqual(upTo(3));
    const retried = (await gateway.send(`/v1/generations/${generation.id}/retry`, { method: 'POST' }))
      .json as GenerationView;
    const following = listen(await follow(generation.id, generation.position));
    await complete(generation);
    await following.ended;
    expect(versions(following.views)).toEqual(upTo(9, 2));
    expect(following.views[2]).toEqual(retried);
  });

  it('follows all of a user, or of everybody for operators, each change once', async () => {
    const listeners = [alice, alice, bob, operator].map((principal) =>
      listen(service.followAll(principal, { signal: stop.signal })),
    );
    const generations = await Promise.all(
      ['alice', 'bob', 'alice', 'bob', 'bob', 'alice'].map((user) => requested(user)),
    );
    await Promise.all(generations.map(complete));
    await eventually(() => listeners[3]!.views.length >= 36 && listeners[0]!.views.length >= 18);
    stop.abort();
    await Promise.all(listeners.map(({ ended }) => ended));
    const whose = [[0, 2, 5], [0, 2, 5], [1, 3, 4], upTo(5, 0)];
    listeners.forEach(({ views }, index) => {
      const wanted = whose[index]!.map((which) => generations[which]!.id);
      expect(new Set(views.map(({ id }) => id))).toEqual(new Set(wanted));
      for (const id of wanted) expect(versions(views.filter((view) => view.id === id))).toEqual(upTo(6));
      expect(views.map(({ position }) => position)).toEqual(
        [...views.map(({ position }) => position)].sort((a, b) => a - b),
      );
    });
  });

  it('knows of what happened while nobody listened', async () => {
    const generation = await requested();
    const earlier = new AbortController();
    const before = listen(service.followAll(alice, { signal: earlier.signal }));
    await tryInVain(gateway, generation.id);
    await eventually(() => before.views.at(-1)?.version === 3);
    earlier.abort();
    await tryInVain(gateway, generation.id);
    const listening = listen(service.followAll(alice, { signal: stop.signal }));
    await complete(generation);
    await eventually(() => listening.views.at(-1)?.status === 'completed');
    expect(listening.views.at(-1)).toEqual((await gateway.send(`/v1/generations/${generation.id}`)).json);
    const heard = versions(listening.views);
    expect(heard).toEqual(upTo(10, heard[0]));
    expect(heard[0]).toBeLessThanOrEqual(6);
  });

  it('ends when the credential expires, and not before', async () => {
    const { id } = await requested();
    const begun = Date.now();
    const signal = credentialSignal({ ...alice, expiresAt: begun + 300 }, stop.signal);
    expect(versions(await all(await service.follow(alice, id, { after: null, signal })))).toEqual([1]);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(299);
    for (const expiresAt of [null, begun + 100 * 24 * 3_600_000]) {
      const lasting = credentialSignal({ ...alice, expiresAt }, stop.signal);
      expect(lasting.aborted).toBe(false);
    }
    expect(credentialSignal({ ...alice, expiresAt: begun - 1 }, AbortSignal.abort()).aborted).toBe(true);
  });

  it('outlives a restart of NATS, without a gap or a repeat', async () => {
    const generation = await requested();
    const one = listen(await follow(generation.id, null));
    const many = listen(service.followAll(alice, { signal: stop.signal }));
    await tryInVain(gateway, generation.id);
    await eventually(() => many.views.length >= 2);
    await nats.kill9();
    await nats.restart();
    await gateway.ready();
    await complete(generation);
    await one.ended;
    expect(versions(one.views)).toEqual(upTo(8));
    await eventually(() => many.views.at(-1)?.version === 8);
    expect(versions(many.views.filter(({ version }) => version > 1))).toEqual(upTo(8, 2));
  });

  it('breaks off when the log is another one, whose positions mean something else', async () => {
    const { id } = await requested();
    const one = listen(await follow(id, null));
    const many = listen(service.followAll(alice, { signal: stop.signal }));
    await eventually(() => one.views.length === 1);
    await nats.kill9();
    await rm(join(nats.dir, 'jetstream'), { recursive: true });
    await nats.restart();
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    await broker.close();
    await expect(one.ended).rejects.toMatchObject({ code: 'unavailable' });
    await expect(many.ended).rejects.toMatchObject({ code: 'unavailable' });
    await expect(follow(id, null)).rejects.toMatchObject({ code: 'not_found' });
  });
});
