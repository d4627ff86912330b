import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client, ExecutionResult, SubscribePayload } from 'graphql-ws';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { ADMIN_KEY, NO_POSTGRES, startGateway, tokenFor, type TestGateway } from '../../test/gateway-fixture.js';
import { GENERATION, openSocket, sendGraphql, socketUrl } from '../../test/graphql.js';
import { completeGeneration, tryInVain } from '../../test/play-worker.js';
import { STREAM_TIMING } from '../live/event-stream.js';
import { camelView } from './names.js';

const TIMING = { heartbeatMs: 200, stallMs: 1_000 };
const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);
const UPDATED = `
  subscription ($id: ID!, $after: SafeInt) { generationUpdated(id: $id, after: $after) { ...everything } } ${GENERATION}`;
const ALL = 'subscription { generationsUpdated { id version status } }';
const PAGE = `query ($n: Int!) { a: generations(first: $n) { edges { node { ...everything } } }
  b: generations(first: $n) { edges { node { ...everything } } } } ${GENERATION}`;

interface View {
  readonly id: string;
  readonly version: number;
  readonly position: number;
}
type Answer = ExecutionResult<Record<string, View>, unknown>;

describe('GraphQL over WebSocket', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  const start = (at = nats, timing = TIMING) =>
    startGateway({ NATS_URL: at.url, DATABASE_URL: NO_POSTGRES }, undefined, timing);

  beforeAll(async () => {
    nats = await startNats();
    gateway = await start();
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const request = async (prompt = 'x', user = 'alice', at = gateway): Promise<View> =>
    (await at.send('/v1/generations', { user, json: { prompt } })).json as View;
  const complete = (id: string) => completeGeneration(gateway, id, Buffer.from('x'));
  const codes = (answers: readonly Answer[]) =>
    answers.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions?.code));

  async function listeners(of = gateway): Promise<number> {
    const lines = (await of.send('/metrics', { user: null })).bytes.toString().split('\n');
    return Number(lines.find((line) => line.startsWith('darkroom_live_subscribers '))?.split(' ')[1] ?? 0);
  }

  /** Runs an operation; `answers` grows until `ended`, which tells why when it is not by completion. */
  function run(client: Client, payload: SubscribePayload) {
    const answers: Answer[] = [];
    let leave = (): void => undefined;
    const ended = new Promise<unknown>((resolve) => {
      leave = client.subscribe<Record<string, View>>(payload, {
        next: (answer) => answers.push(answer as Answer),
        error: resolve,
        complete: () => resolve(null),
      });
    });
    const views = () => answers.map(({ data }) => Object.values(data ?? {})[0]!);
    return { answers, views, versions: () => views().map(({ version }) => version), ended, leave: () => leave() };
  }

  const follow = (client: Client, id: string, after: number | null = null) =>
    run(client, { query: UPDATED, variables: { id, after } });

  /** A client that speaks the protocol by hand. */
  async function rawSocket(authorization: string | null, at = gateway) {
    const socket = new WebSocket(socketUrl(at), 'graphql-transport-ws');
    const messages: { type: string; id?: string; payload?: unknown }[] = [];
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as (typeof messages)[0]));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const send = (message: object) => socket.send(JSON.stringify(message));
    if (authorization !== null) {
      send({ type: 'connection_init', payload: { authorization } });
      await eventually(() => messages.some(({ type }) => type === 'connection_ack'));
    }
    return { socket, messages, closed, send };
  }

  const rawAlice = async (at = gateway) => rawSocket(`Bearer ${await tokenFor('alice')}`, at);

  describe('subscriptions', () => {
    it('tell a generation from queued to completed, each change once, as REST shows it', async () => {
      const generation = await request();
      const client = openSocket(gateway);
      const heard = follow(client, generation.id);
      await eventually(() => heard.answers.length === 1);
      expect(heard.views()).toEqual([camelView(generation)]);
      await complete(generation.id);
      expect(await heard.ended).toBeNull();
      expect(heard.versions()).toEqual(upTo(6));
      const { json } = await gateway.send(`/v1/generations/${generation.id}`);
      expect(heard.views().at(-1)).toEqual(camelView(json as object));
      expect(await listeners()).toBe(0);

      const rest = follow(client, generation.id, heard.views()[3]!.position);
      expect(await rest.ended).toBeNull();
      expect(rest.versions()).toEqual([5, 6]);
      await client.dispose();
    });

    it('tell all of one’s own, and operators everybody’s', async () => {
      const [alices, bobs] = [openSocket(gateway, 'alice'), openSocket(gateway, 'bob')];
      const root = openSocket(gateway, 'root', { connectionParams: { authorization: `Bearer ${ADMIN_KEY}` } });
      const heard = [alices, bobs, root].map((client) => run(client, { query: ALL }));
      await eventually(async () => (await listeners()) === 3);
      const [a, b] = [await request('x', 'alice'), await request('x', 'bob')];
      await eventually(() => heard.every(({ answers }, index) => answers.length === (index === 2 ? 2 : 1)));
      expect(heard.map(({ views }) => views().map(({ id }) => id))).toEqual([[a.id], [b.id], [a.id, b.id]]);
      for (const client of [alices, bobs, root]) await client.dispose();
      await eventually(async () => (await listeners()) === 0);
    });

    it('serve a hundred connections and more than one subscription on each', async () => {
      const generation = await request();
      const clients = Array.from({ length: 100 }, () => openSocket(gateway));
      const heard = clients.flatMap((client) => [follow(client, generation.id, 0), run(client, { query: ALL })]);
      await eventually(async () => (await listeners()) === 200, { timeoutMs: 20_000 });
      await complete(generation.id);
      const [ones, alls] = [heard.filter((_, i) => i % 2 === 0), heard.filter((_, i) => i % 2 === 1)];
      expect(await Promise.all(ones.map(({ ended }) => ended))).toEqual(ones.map(() => null));
      for (const { versions } of ones) expect(versions()).toEqual(upTo(6));
      await eventually(() => alls.every(({ versions }) => versions().at(-1) === 6));
      for (const { versions } of alls) expect(versions()).toEqual(upTo(6, 2));
      for (const client of clients) await client.dispose();
      await eventually(async () => (await listeners()) === 0);
    });

    it('are forgotten when the client ends them, leaves, or is cut off', async () => {
      const { id } = await request();
      const client = openSocket(gateway, 'alice', { lazyCloseTimeout: 60_000 });
      const one = follow(client, id);
      const other = run(client, { query: ALL });
      await eventually(async () => (await listeners()) === 2);
      one.leave();
      await eventually(async () => (await listeners()) === 1);
      expect(await one.ended).toBeNull();
      client.terminate();
      await eventually(async () => (await listeners()) === 0);
      expect(await other.ended).toMatchObject({ code: 4499 });

      const raw = await rawAlice();
      // Gone before the subscription has been made.
      raw.send({ id: '1', type: 'subscribe', payload: { query: UPDATED, variables: { id } } });
      raw.send({ id: '2', type: 'subscribe', payload: { query: UPDATED, variables: { id } } });
      raw.send({ id: '2', type: 'complete' });
      raw.socket.close();
      await raw.closed;
      await eventually(async () => (await listeners()) === 0);
    });

    it('of another user’s generation, or of none, are refused alike', async () => {
      const { id } = await request('x', 'alice');
      const client = openSocket(gateway, 'bob');
      const answers = [follow(client, id), follow(client, '01890a5d-ac96-774b-bcce-b302099a8050'), follow(client, 'x')];
      for (const { ended, answers: heard } of answers) {
        expect(await ended).toBeNull();
        expect(codes(heard)).toEqual(['not_found']);
        expect(heard[0]!.errors).toEqual(answers[0]!.answers[0]!.errors);
      }
      const negative = follow(openSocket(gateway), id, -1);
      await negative.ended;
      expect(codes(negative.answers)).toEqual(['validation_failed']);
      await client.dispose();
    });

    it('say so, by code, when changes may have been missed', async () => {
      const own = await startNats();
      const watched = await start(own);
      await watched.ready();
      const heard = run(openSocket(watched), { query: ALL });
      await eventually(async () => (await listeners(watched)) === 1);
      await request('x', 'alice', watched);
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
  });

  describe('credentials', () => {
    const now = () => Math.floor(Date.now() / 1_000);

    it.each([
      ['none', () => undefined],
      ['no payload that is known', () => ({ token: 'x' })],
      ['what is no text', () => ({ authorization: ['Bearer x'] })],
      [
        'a token that has expired',
        async () => ({ authorization: `Bearer ${await tokenFor('a', { exp: now() - 1 })}` }),
      ],
      [
        'a token of another secret',
        async () => ({ authorization: `Bearer ${await tokenFor('a', {}, 'x'.repeat(32))}` }),
      ],
    ])('%s: closed as forbidden', async (_, connectionParams) => {
      const client = openSocket(gateway, 'alice', { connectionParams });
      expect(await run(client, { query: ALL }).ended).toMatchObject({ code: 4403 });
    });

    it('that expire end the connection', async () => {
      const token = await tokenFor('alice', { exp: now() + 2 });
      const client = openSocket(gateway, 'alice', { connectionParams: { authorization: `Bearer ${token}` } });
      const heard = follow(client, (await request()).id);
      await eventually(() => heard.answers.length === 1);
      expect(await heard.ended).toMatchObject({ code: 4403 });
      await eventually(async () => (await listeners()) === 0);
    });

    it('must come first, soon, and once', async () => {
      const silent = await rawSocket(null);
      const hasty = await rawSocket(null);
      hasty.send({ id: '1', type: 'subscribe', payload: { query: ALL } });
      expect(await hasty.closed).toBe(4401);
      const twice = await rawAlice();
      twice.send({ type: 'connection_init' });
      expect(await twice.closed).toBe(4429);
      expect(await silent.closed).toBe(4408);
    });

    it('are asked for by this protocol at this path alone', async () => {
      const other = new WebSocket(socketUrl(gateway), 'graphql-ws');
      expect(await new Promise((resolve) => other.on('error', resolve))).toMatchObject({
        message: expect.stringContaining('subprotocol'),
      });
      const elsewhere = new WebSocket(`${socketUrl(gateway)}/x`, 'graphql-transport-ws');
      expect(await new Promise((resolve) => elsewhere.on('error', resolve))).toMatchObject({
        message: 'Unexpected server response: 400',
      });
    });
  });

  describe('operations', () => {
    it('of every kind run as who the connection belongs to', async () => {
      const client = openSocket(gateway, 'carol');
      const asked = run(client, {
        query: 'mutation ($input: GenerationInput!) { requestGeneration(input: $input) { id version } }',
        variables: { input: { prompt: 'x' } },
      });
      expect(await asked.ended).toBeNull();
      const { id } = asked.views()[0]!;
      const query = `query ($id: ID!) { generation(id: $id) { id version } }`;
      const [mine, bobs] = [
        run(client, { query, variables: { id } }),
        run(openSocket(gateway, 'bob'), { query, variables: { id } }),
      ];
      await Promise.all([mine.ended, bobs.ended]);
      expect(mine.views()).toEqual([{ id, version: 1 }]);
      expect(codes(bobs.answers)).toEqual(['not_found']);
    });

    it.each([
      ['that cannot be read', { query: '{ generation' }, 'bad_request'],
      ['that do not fit the schema', { query: '{ nothing }' }, 'bad_request'],
      ['that are too long', { query: `{ ${'id '.repeat(3_000)} }` }, 'bad_request'],
      [
        'that are too deep',
        { query: `{ __type(name: "x") ${'{ ofType '.repeat(10)} { name } ${'}'.repeat(10)} }` },
        'bad_request',
      ],
      ['that are too costly by a variable', { query: PAGE, variables: { n: 100 } }, 'bad_request'],
      ['that name none', { query: 'query a { models { id } } query b { models { id } }' }, 'bad_request'],
      ['with a wrong variable', { query: PAGE, variables: { n: 'many' } }, 'validation_failed'],
    ] as [string, SubscribePayload, string][])('%s are refused as over HTTP', async (_, payload, code) => {
      const client = openSocket(gateway);
      const refused = run(client, payload);
      const errors = (await refused.ended) as { message: string; extensions: { code: string } }[];
      expect(errors).toMatchObject([{ extensions: { code, requestId: expect.any(String) } }]);
      const { errors: overHttp = [] } = await sendGraphql(gateway, payload.query, payload.variables ?? {});
      expect(errors[0]!.extensions.code).toBe(overHttp[0]!.extensions.code);
      // The connection goes on.
      expect(await run(client, { query: '{ models { id } }' }).ended).toBeNull();
      await client.dispose();
    });

    it('are at most a hundred at a time', async () => {
      const raw = await rawAlice();
      for (let id = 0; id <= 100; id++) raw.send({ id: String(id), type: 'subscribe', payload: { query: ALL } });
      const refused = await eventually(() => raw.messages.find(({ type }) => type === 'error'));
      expect(refused).toMatchObject({ id: '100', payload: [{ extensions: { code: 'bad_request' } }] });
      await eventually(async () => (await listeners()) === 100);
      raw.socket.terminate();
      await eventually(async () => (await listeners()) === 0);
    });
  });

  describe('connections', () => {
    it('that send what is no message, or one that is too long, are closed', async () => {
      for (const [text, code] of [
        ['nonsense', 4400],
        ['{"type":"next","id":"1","payload":{}}', 4400],
        [JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(200_000) } }), 1009],
      ] as const) {
        const raw = await rawAlice();
        raw.socket.send(text);
        expect(await raw.closed).toBe(code);
      }
    });

    it('that are not read are cut off, and hold nothing', async () => {
      const patient = await start(nats, STREAM_TIMING);
      await patient.ready();
      const generation = await request('海'.repeat(10_000));
      const raw = await rawAlice(patient);
      // 120 KB at each change, for each of a hundred subscriptions: more than may wait for a connection.
      const query = `subscription ($id: ID!, $after: SafeInt) {
        generationUpdated(id: $id, after: $after) { a: prompt b: prompt c: prompt d: prompt } }`;
      const payload = { query, variables: { id: generation.id, after: generation.position } };
      for (let id = 0; id < 100; id++) raw.send({ id: String(id), type: 'subscribe', payload });
      const reading = follow(openSocket(patient), generation.id);
      await eventually(async () => (await listeners(patient)) === 101);
      raw.socket.pause();
      await tryInVain(gateway, generation.id, 10);
      await eventually(async () => (await listeners(patient)) === 1);
      await complete(generation.id);
      expect(await reading.ended).toBeNull();
      expect(reading.versions()).toEqual(upTo(26));
      raw.socket.resume();
      expect(await raw.closed).toBe(1006);
      await patient.close();
    });

    it('that answer no ping are cut off', async () => {
      const raw = await rawAlice();
      raw.send({ id: '1', type: 'subscribe', payload: { query: ALL } });
      const reading = run(openSocket(gateway), { query: ALL });
      await eventually(async () => (await listeners()) === 2);
      raw.socket.pause();
      await eventually(async () => (await listeners()) === 1);
      reading.leave();
      await eventually(async () => (await listeners()) === 0);
      raw.socket.terminate();
    });

    it('that only ask for answers and never read them are cut off', async () => {
      const patient = await start(nats, STREAM_TIMING);
      await patient.ready();
      const raw = await rawAlice(patient);
      raw.socket.on('error', () => undefined).pause();
      const ping = JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(100_000) } });
      const sent = () => new Promise<boolean>((resolve) => raw.socket.send(ping, (error) => resolve(!error)));
      while (await sent());
      raw.socket.resume();
      expect(await raw.closed).toBe(1006);
      await patient.close();
    });

    it('are closed at once when the gateway shuts down, also by clients that do not answer', async () => {
      const other = await start();
      await other.ready();
      const { id } = await request();
      const polite = await rawAlice(other);
      const deaf = await rawAlice(other);
      for (const { send } of [polite, deaf]) {
        send({ id: '1', type: 'subscribe', payload: { query: UPDATED, variables: { id } } });
      }
      await eventually(() => [polite, deaf].every(({ messages }) => messages.length === 2));
      deaf.socket.pause();
      const begun = performance.now();
      await other.close();
      expect(performance.now() - begun).toBeLessThan(2_000);
      expect(await polite.closed).toBe(1001);
      deaf.socket.terminate();
    });

    it('outlive a restart of NATS', async () => {
      const generation = await request();
      const heard = follow(openSocket(gateway), generation.id);
      await eventually(() => heard.answers.length === 1);
      await nats.kill9();
      const refused = follow(openSocket(gateway), generation.id);
      await refused.ended;
      expect(codes(refused.answers)).toEqual(['unavailable']);
      await nats.restart();
      await gateway.ready();
      await complete(generation.id);
      expect(await heard.ended).toBeNull();
      expect(heard.versions()).toEqual(upTo(6));
    });
  });
});
