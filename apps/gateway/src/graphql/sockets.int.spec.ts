import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, tokenFor, type TestGateway } from '../../test/gateway-fixture.js';
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
import { GENERATION, openSocket, sendGraphql, socketUrl } from '../../test/graphql.js';
import { completeGeneration, tryInVain } from '../../test/play-worker.js';
import { STREAM_TIMING } from '../live/event-stream.js';

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, index) => from + index);
const PAGE = `query ($n: Int!) { a: generations(first: $n) { edges { node { ...everything } } }
  b: generations(first: $n) { edges { node { ...everything } } } } ${GENERATION}`;

describe('GraphQL over WebSocket', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  const start = (timing = TIMING) => startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES }, undefined, timing);

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
      expect(await run(client, { query: ALL_UPDATED }).ended).toMatchObject({ code: 4403 });
    });

    it('that expire end the connection', async () => {
      const token = await tokenFor('alice', { exp: now() + 2 });
      const client = openSocket(gateway, 'alice', { connectionParams: { authorization: `Bearer ${token}` } });
      const heard = follow(client, (await requestBy(gateway)).id);
      await eventually(() => heard.answers.length === 1);
      expect(await heard.ended).toMatchObject({ code: 4403 });
      await eventually(async () => (await listeners(gateway)) === 0);
    });

    it('must come first, soon, and once', async () => {
      const silent = await rawSocket(gateway, false);
      const hasty = await rawSocket(gateway, false);
      hasty.send({ id: '1', type: 'subscribe', payload: { query: ALL_UPDATED } });
      expect(await hasty.closed).toBe(4401);
      const twice = await rawSocket(gateway);
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
      expect(bobs.codes()).toEqual(['not_found']);
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
      const raw = await rawSocket(gateway);
      for (let id = 0; id <= 100; id++)
        raw.send({ id: String(id), type: 'subscribe', payload: { query: ALL_UPDATED } });
      const refused = await eventually(() => raw.messages.find(({ type }) => type === 'error'));
      expect(refused).toMatchObject({ id: '100', payload: [{ extensions: { code: 'bad_request' } }] });
      await eventually(async () => (await listeners(gateway)) === 100);
      raw.socket.terminate();
      await eventually(async () => (await listeners(gateway)) === 0);
    });
  });

  describe('connections', () => {
    it('that send what is no message, or one that is too long, are closed', async () => {
      for (const [text, code] of [
        ['nonsense', 4400],
        ['{"type":"next","id":"1","payload":{}}', 4400],
        [JSON.stringify({ type: 'ping', payload: { x: 'x'.repeat(200_000) } }), 1009],
      ] as const) {
        const raw = await rawSocket(gateway);
        raw.socket.send(text);
        expect(await raw.closed).toBe(code);
      }
    });

    it('that are not read are cut off, and hold nothing', async () => {
      const patient = await start(STREAM_TIMING);
      await patient.ready();
      const generation = await requestBy(gateway, 'alice', '海'.repeat(10_000));
      const raw = await rawSocket(patient);
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
      const raw = await rawSocket(gateway);
      raw.send({ id: '1', type: 'subscribe', payload: { query: ALL_UPDATED } });
      const reading = run(openSocket(gateway), { query: ALL_UPDATED });
      await eventually(async () => (await listeners(gateway)) === 2);
      raw.socket.pause();
      await eventually(async () => (await listeners(gateway)) === 1);
      reading.leave();
      await eventually(async () => (await listeners(gateway)) === 0);
      raw.socket.terminate();
    });

    it('that only ask for answers and never read them are cut off', async () => {
      const patient = await start(STREAM_TIMING);
      await patient.ready();
      const raw = await rawSocket(patient);
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
      const { id } = await requestBy(gateway);
      const polite = await rawSocket(other);
      const deaf = await rawSocket(other);
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
  });
});
