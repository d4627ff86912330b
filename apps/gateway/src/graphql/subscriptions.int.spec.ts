import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { ADMIN_KEY, NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import {
  ALL_UPDATED,
  follow,
  listeners,
  rawSocket,
  requestBy,
  run,
  TIMING,
  UPDATED,
} from '../../test/graphql-socket.js';
import { openSocket } from '../../test/graphql.js';
import { completeGeneration } from '../../test/play-worker.js';
import { camelView } from './names.js';

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);

describe('subscriptions', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  const start = (at = nats) => startGateway({ NATS_URL: at.url, DATABASE_URL: NO_POSTGRES }, undefined, TIMING);

  beforeAll(async () => {
    nats = await startNats();
    gateway = await start();
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const complete = (id: string) => completeGeneration(gateway, id, Buffer.from('x'));

  it('tell a generation from queued to completed, each change once, as REST shows it', async () => {
    const generation = await requestBy(gateway);
    const client = openSocket(gateway);
    const heard = follow(client, generation.id);
    await eventually(() => heard.answers.length === 1);
    expect(heard.views()).toEqual([camelView(generation)]);
    await complete(generation.id);
    expect(await heard.ended).toBeNull();
    expect(heard.versions()).toEqual(upTo(6));
    const { json } = await gateway.send(`/v1/generations/${generation.id}`);
    expect(heard.views().at(-1)).toEqual(camelView(json as object));
    expect(await listeners(gateway)).toBe(0);

    const rest = follow(client, generation.id, heard.views()[3]!.position);
    expect(await rest.ended).toBeNull();
    expect(rest.versions()).toEqual([5, 6]);
    await client.dispose();
  });

  it('tell all of one’s own, and operators everybody’s', async () => {
    const [alices, bobs] = [openSocket(gateway, 'alice'), openSocket(gateway, 'bob')];
    const root = openSocket(gateway, 'root', { connectionParams: { authorization: `Bearer ${ADMIN_KEY}` } });
    const heard = [alices, bobs, root].map((client) => run(client, { query: ALL_UPDATED }));
    await eventually(async () => (await listeners(gateway)) === 3);
    const [a, b] = [await requestBy(gateway), await requestBy(gateway, 'bob')];
    await eventually(() => heard.every(({ answers }, index) => answers.length === (index === 2 ? 2 : 1)));
    expect(heard.map(({ views }) => views().map(({ id }) => id))).toEqual([[a.id], [b.id], [a.id, b.id]]);
    for (const client of [alices, bobs, root]) await client.dispose();
    await eventually(async () => (await listeners(gateway)) === 0);
  });

  it('serve a hundred connections and more than one subscription on each', async () => {
    const generation = await requestBy(gateway);
    const clients = Array.from({ length: 100 }, () => openSocket(gateway));
    const heard = clients.flatMap((client) => [follow(client, generation.id, 0), run(client, { query: ALL_UPDATED })]);
    await eventually(async () => (await listeners(gateway)) === 200, { timeoutMs: 30_000 });
    await complete(generation.id);
    const [ones, alls] = [heard.filter((_, i) => i % 2 === 0), heard.filter((_, i) => i % 2 === 1)];
    expect(await Promise.all(ones.map(({ ended }) => ended))).toEqual(ones.map(() => null));
    for (const { versions } of ones) expect(versions()).toEqual(upTo(6));
    await eventually(() => alls.every(({ versions }) => versions().at(-1) === 6), { timeoutMs: 30_000 });
    for (const { versions } of alls) expect(versions()).toEqual(upTo(6, 2));
    for (const client of clients) await client.dispose();
    await eventually(async () => (await listeners(gateway)) === 0, { timeoutMs: 30_000 });
  }, 120_000);

  it('are forgotten when the client ends them, leaves, or is cut off', async () => {
    const { id } = await requestBy(gateway);
    const client = openSocket(gateway, 'alice', { lazyCloseTimeout: 60_000 });
    const one = follow(client, id);
    const other = run(client, { query: ALL_UPDATED });
    await eventually(async () => (await listeners(gateway)) === 2);
    one.leave();
    await eventually(async () => (await listeners(gateway)) === 1);
    expect(await one.ended).toBeNull();
    client.terminate();
    await eventually(async () => (await listeners(gateway)) === 0);
    expect(await other.ended).toMatchObject({ code: 4499 });

    const raw = await rawSocket(gateway);
    // Gone before the subscription has been made.
    raw.send({ id: '1', type: 'subscribe', payload: { query: UPDATED, variables: { id } } });
    raw.send({ id: '2', type: 'subscribe', payload: { query: UPDATED, variables: { id } } });
    raw.send({ id: '2', type: 'complete' });
    raw.socket.close();
    await raw.closed;
    await eventually(async () => (await listeners(gateway)) === 0);
  });

  it('of another user’s generation, or of none, are refused alike', async () => {
    const { id } = await requestBy(gateway);
    const client = openSocket(gateway, 'bob');
    const answers = [follow(client, id), follow(client, '01890a5d-ac96-774b-bcce-b302099a8050'), follow(client, 'x')];
    for (const { ended, codes, answers: heard } of answers) {
      expect(await ended).toBeNull();
      expect(codes()).toEqual(['not_found']);
      expect(heard[0]!.errors).toEqual(answers[0]!.answers[0]!.errors);
    }
    const negative = follow(openSocket(gateway), id, -1);
    await negative.ended;
    expect(negative.codes()).toEqual(['validation_failed']);
    await client.dispose();
  });

  it('say so, by code, when changes may have been missed', async () => {
    const own = await startNats();
    const watched = await start(own);
    await watched.ready();
    const heard = run(openSocket(watched), { query: ALL_UPDATED });
    await eventually(async () => (await listeners(watched)) === 1);
    await requestBy(watched);
    await eventually(() => heard.answers.length === 1);
    await own.kill9();
    await rm(join(own.dir, 'jetstream'), { recursive: true });
    await own.restart();
    // It makes the streams anew.
    const another = await start(own);
    await another.ready();
    expect(await heard.ended).toMatchObject([
      { extensions: { code: 'unavailable', requestId: expect.any(String), retryAfterSeconds: 2 } },
    ]);
    expect(await listeners(watched)).toBe(0);
    await Promise.all([watched.close(), another.close()]);
    await own.stop();
  });

  it('outlive a restart of NATS', async () => {
    const generation = await requestBy(gateway);
    const heard = follow(openSocket(gateway), generation.id);
    await eventually(() => heard.answers.length === 1);
    await nats.kill9();
    const refused = follow(openSocket(gateway), generation.id);
    await refused.ended;
    expect(refused.codes()).toEqual(['unavailable']);
    await nats.restart();
    await gateway.ready();
    await complete(generation.id);
    expect(await heard.ended).toBeNull();
    expect(heard.versions()).toEqual(upTo(6));
  });
});
