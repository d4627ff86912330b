import { generationIdFrom } from '@darkroom/domain';
import {
  bucketKey,
  CommandRunner,
  connectBroker,
  Documents,
  EventStoreError,
  JetStreamEventStore,
  provision,
  QUOTAS_BUCKET,
  type Broker,
  type EventStore,
} from '@darkroom/events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { Admission } from '../application/admission.js';
import { ModelCatalogue } from '../application/models.js';
import { prepareRequest } from '../application/prepare-request.js';
import type { Principal } from '../application/principal.js';
import { KvQuotas, PENDING_MS } from './kv-quotas.js';

const rules = { maxAttempts: 3, allowPrivateUrls: false, publicUrl: 'http://localhost:3000' };
const { request } = prepareRequest({ prompt: 'x' }, new ModelCatalogue(), rules, new Date());
/** No test runs into midnight. Milliseconds. */
const toNoon = 43_200_000 - (Date.now() % 86_400_000);
const newId = () => generationIdFrom(uuidv7());

describe('a reservation', () => {
  let nats: TestNats;
  let broker: Broker;
  let documents: Documents;
  let log: EventStore;

  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    documents = await Documents.open(broker, QUOTAS_BUCKET);
    log = new JetStreamEventStore(broker);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  interface Faults {
    readonly store?: EventStore;
    readonly documents?: Pick<Documents, 'get' | 'put'>;
    /** How far its clock is ahead. Milliseconds. */
    readonly ahead?: number;
    readonly daily?: number | null;
  }
  /** What a gateway does with the requests of a user; no two share anything but the broker. */
  function gateway(user: string, { store = log, documents: bucket = documents, ahead = 0, daily = 2 }: Faults = {}) {
    const quotas = new KvQuotas(
      () => bucket as Documents,
      log,
      () => Date.now() + toNoon + ahead,
    );
    const limits = { hourly: daily && 1_000, daily, concurrent: null };
    const principal: Principal = { userId: user, operator: false, limits, expiresAt: null };
    const admission = new Admission(quotas, log);
    const runner = new CommandRunner(store, { source: '/darkroom/test' });
    const append = (id: string) =>
      runner.execute(id, {
        type: 'Request',
        commandId: `request:${id}`,
        at: new Date().toISOString(),
        request: { ...request, user_id: user, request_hash: 'x', concurrency_limit: null },
      });
    return {
      quotas,
      append,
      post: (id = newId(), shared = false) => admission.admit(principal, id, () => append(id), { shared }),
      admit: (id: string, work: () => Promise<unknown>) => admission.admit(principal, id, work, { shared: true }),
      check: () => admission.check(principal),
      used: async () => (await quotas.standings(user, limits)).find(({ window }) => window === 'daily')?.used,
    };
  }
  const pendingOf = async (user: string) => {
    const { text } = await documents.get(bucketKey(user));
    return (JSON.parse(text!) as { pending: { id: string }[] }).pending.map(({ id }) => id);
  };
  const failing = (error: Error, after?: EventStore): EventStore => ({
    load: (id) => log.load(id),
    append: async (event, expected) => {
      await after?.append(event, expected);
      throw error;
    },
  });
  const stuck: EventStore = { load: (id) => log.load(id), append: () => new Promise(() => undefined) };
  const refused = { code: 'rate_limited' };

  it('of a gateway that died before it appended is given back to the user', async () => {
    void gateway('crashed', { store: stuck }).post();
    await eventually(async () => (await gateway('crashed').used()) === 1);
    const soon = gateway('crashed', { ahead: PENDING_MS - 5_000 });
    await soon.post();
    await expect(soon.post()).rejects.toMatchObject(refused);
    const later = gateway('crashed', { ahead: PENDING_MS + 5_000 });
    await later.check();
    await later.post();
    expect(await later.used()).toBe(2);
    await expect(later.post()).rejects.toMatchObject(refused);
  });

  it('of a gateway that died after it appended counts for good', async () => {
    await gateway('survived').post();
    expect(await pendingOf('survived')).toHaveLength(1);
    const later = gateway('survived', { ahead: PENDING_MS + 5_000 });
    await later.post();
    expect(await pendingOf('survived')).toHaveLength(1);
    await expect(later.post()).rejects.toMatchObject(refused);
    expect(await later.used()).toBe(2);
  });

  it('is settled with the next one of the same gateway', async () => {
    const one = gateway('steady');
    await one.post();
    const id = newId();
    await one.post(id);
    expect(await pendingOf('steady')).toEqual([id]);
  });

  it.each(['unavailable', 'too_large', 'full'] as const)('is given back at once when the log is %s', async (kind) => {
    const user = `refused-${kind}`;
    const broken = gateway(user, { store: failing(new EventStoreError(kind, 'no')) });
    for (let index = 0; index < 3; index++) {
      await expect(broken.post()).rejects.toMatchObject({ kind });
      await eventually(async () => (await broken.used()) === 0);
    }
    expect(await pendingOf(user)).toEqual([]);
  });

  it('stays while it is not known whether it was appended, and then the log knows', async () => {
    const doubt = new EventStoreError('unknown', 'no answer');
    const silent = gateway('doubt', { store: failing(doubt) });
    await expect(silent.post()).rejects.toMatchObject({ kind: 'unknown' });
    const deaf: EventStore = { ...failing(doubt, log), load: () => Promise.reject(doubt) };
    await expect(gateway('doubt', { store: deaf }).post()).rejects.toMatchObject({ kind: 'unknown' });
    await expect(gateway('doubt').post()).rejects.toMatchObject(refused);
    const later = gateway('doubt', { ahead: PENDING_MS + 5_000 });
    await later.post();
    await expect(later.post()).rejects.toMatchObject(refused);
  });

  it('that repetitions share is given back by none of them while another appends', async () => {
    const id = newId();
    let append = (): void => undefined;
    const slow = gateway('shared');
    const appending = slow.admit(id, async () => {
      await new Promise<void>((resolve) => (append = resolve));
      return slow.append(id);
    });
    await eventually(async () => (await slow.used()) === 1);
    const broken = gateway('shared', { store: failing(new EventStoreError('unavailable', 'no')) });
    await expect(broken.post(id, true)).rejects.toMatchObject({ kind: 'unavailable' });
    await gateway('shared').post();
    expect(await slow.used()).toBe(2);
    append();
    await appending;
    await expect(gateway('shared').post()).rejects.toMatchObject(refused);
  });

  it('is taken once by repetitions that come before, with and after the append', async () => {
    const id = newId();
    const gateways = [gateway('repeated'), gateway('repeated')];
    await Promise.all(Array.from({ length: 20 }, (_, index) => gateways[index % 2]!.post(id, true)));
    for (const each of gateways) await each.post(id, true);
    const fresh = gateway('repeated');
    await eventually(async () => (await fresh.used()) === 1);
    await fresh.post();
    await expect(fresh.post()).rejects.toMatchObject(refused);
  });

  it('is no more than a try where the bucket does not say whether it was written', async () => {
    const unsure: Pick<Documents, 'get' | 'put'> = {
      get: (key) => documents.get(key),
      put: async (key, text, revision) => {
        await documents.put(key, text, revision);
        throw new EventStoreError('unknown', 'no answer');
      },
    };
    await expect(gateway('unsure', { documents: unsure }).post()).rejects.toMatchObject({ kind: 'unavailable' });
    const later = gateway('unsure', { ahead: PENDING_MS + 5_000 });
    await later.post();
    await later.post();
    await expect(later.post()).rejects.toMatchObject(refused);
  });

  it('that comes too late is given back, and nothing is appended', async () => {
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const slow: Pick<Documents, 'get' | 'put'> = {
      get: (key) => documents.get(key),
      put: async (key, text, revision) => (await held, documents.put(key, text, revision)),
    };
    const id = newId();
    const begun = Date.now();
    const late = gateway('late', { documents: slow });
    await expect(late.post(id)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(Date.now() - begun).toBeLessThan(5_000);
    goOn();
    await eventually(async () => (await documents.get(bucketKey('late'))).text !== null);
    await eventually(async () => (await late.used()) === 0);
    expect((await log.load(id)).position).toBe(0);
  });

  it('is refused when the log cannot say what became of those before', async () => {
    void gateway('unclear', { store: stuck }).post();
    await eventually(async () => (await gateway('unclear').used()) === 1);
    const blind: EventStore = { ...log, load: () => Promise.reject(new EventStoreError('unavailable', 'no')) };
    const quotas = new KvQuotas(
      () => documents,
      blind,
      () => Date.now() + toNoon + PENDING_MS + 5_000,
    );
    const asked = quotas.reserve('unclear', { hourly: null, daily: 2 }, [newId()]);
    await expect(asked).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await gateway('unclear').used()).toBe(1);
  });

  it('is none for whoever has no limits: nothing is asked of the broker', async () => {
    const fails = () => Promise.reject(new Error('asked'));
    const { post, check } = gateway('free', { documents: { get: fails, put: fails }, daily: null });
    await check();
    for (let index = 0; index < 3; index++) expect((await post()).standings).toBeNull();
  });

  it('of several generations is for all of them, or none', async () => {
    const { quotas, used } = gateway('batch');
    const limits = { hourly: null, daily: 2 };
    expect((await quotas.reserve('batch', limits, [newId(), newId(), newId()])).refusedBy).toMatchObject({ used: 0 });
    expect((await quotas.reserve('batch', limits, [newId(), newId()])).refusedBy).toBeNull();
    expect(await used()).toBe(2);
  });
});
