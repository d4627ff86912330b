import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { base64url, SignJWT } from 'jose';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import {
  ADMIN_KEY,
  JWT_SECRET,
  NO_POSTGRES,
  startGateway,
  tokenFor,
  type TestGateway,
} from '../../test/gateway-fixture.js';
import { lastPosition } from '../../test/play-worker.js';

const json = { prompt: 'a lighthouse' };
const key = new TextEncoder().encode(JWT_SECRET);
const secondsFromNow = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

describe('authentication', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const post = (authorization?: string) =>
    gateway.send('/v1/generations', {
      user: null,
      json,
      headers: authorization === undefined ? {} : { authorization },
    });

  it('lets a user in by token, and an operator by key or role', async () => {
    const { status, json: generation } = await post(`Bearer ${await tokenFor('alice')}`);
    expect(status).toBe(202);
    const path = `/v1/generations/${generation.id}`;
    const look = (authorization: string) => gateway.send(path, { user: null, headers: { authorization } });
    expect((await look(`bearer ${await tokenFor('alice')}`)).status).toBe(200);
    expect((await look(`Bearer ${await tokenFor('bob')}`)).status).toBe(404);
    expect((await look(`Bearer ${await tokenFor('bob', { role: 'user' })}`)).status).toBe(404);
    expect((await look(`Bearer ${await tokenFor('bob', { role: ['admin'] })}`)).status).toBe(404);
    expect((await look(`Bearer ${await tokenFor('bob', { role: 'admin' })}`)).status).toBe(200);
    expect((await look(`Bearer ${ADMIN_KEY}`)).status).toBe(200);
  });

  const none = base64url.encode('{"alg":"none"}');
  const refused: [string, () => Promise<string> | string][] = [
    ['a token that has expired', () => tokenFor('alice', { exp: secondsFromNow(-60) })],
    ['a token that is not valid yet', () => tokenFor('alice', { nbf: secondsFromNow(60) })],
    ['a token of another secret', () => tokenFor('alice', {}, 'another secret, as long as ours!')],
    ['a token without a signature', () => `${none}.${base64url.encode('{"sub":"alice","role":"admin"}')}.`],
    [
      'a token of another algorithm',
      () => new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS512' }).sign(new Uint8Array(64).fill(key[0]!)),
    ],
    [
      'our own secret under another algorithm',
      () => new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS384' }).sign(key),
    ],
    [
      'a token that was changed',
      async () => (await tokenFor('alice')).replace(/\.[^.]+\./, `.${base64url.encode('{"sub":"bob"}')}.`),
    ],
    ['a token without a subject', () => new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(key)],
    ['a token with an empty subject', () => tokenFor('')],
    ['a token whose subject cannot be stored', () => tokenFor('a\u0000')],
    ['a token whose limits are no object', () => tokenFor('alice', { limits: 100 })],
    ['a token with a negative limit', () => tokenFor('alice', { limits: { hourly: -1 } })],
    ['a token with a limit that is no whole number', () => tokenFor('alice', { limits: { daily: 1.5 } })],
    ['a token with a limit that is a text', () => tokenFor('alice', { limits: { hourly: '100' } })],
    ['a token with a limit of null', () => tokenFor('alice', { limits: { hourly: null } })],
    ['a token with too high a limit', () => tokenFor('alice', { limits: { concurrent: 1_001 } })],
    ['a token with a limit of another name', () => tokenFor('alice', { limits: { hourli: 100 } })],
    ['an operator’s token with such a limit', () => tokenFor('root', { role: 'admin', limits: { hourly: -1 } })],
    ['a key that is nearly right', () => `${ADMIN_KEY}x`],
    ['half a key', () => ADMIN_KEY.slice(0, -1)],
    ['nonsense', () => 'x.y.z'],
  ];

  it.each(refused)('refuses %s', async (_, credential) => {
    const before = await lastPosition(gateway);
    const answer = await post(`Bearer ${await credential()}`);
    expect(answer.json).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="darkroom", error="invalid_token"');
    expect(await lastPosition(gateway)).toBe(before);
  });

  it.each([undefined, '', 'Bearer', 'Basic YWxpY2U6eA==', ADMIN_KEY])(
    'asks for credentials given %p',
    async (header) => {
      const answer = await post(header);
      expect(answer.json).toMatchObject({ status: 401, code: 'unauthenticated' });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="darkroom"');
    },
  );

  it('stands before every route but those that must be open', async () => {
    const { json: document } = await gateway.send('/docs/openapi.json', { user: null });
    const routes = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, 'x')] as const),
    );
    expect(routes.length).toBeGreaterThan(10);
    const open: string[] = [];
    for (const [method, path] of routes) {
      const { status } = await gateway.send(path, { method, user: null });
      if (status !== 401) open.push(`${method} ${path} ${status}`);
    }
    expect(open).toEqual([
      // Signed webhooks, of which this gateway expects none.
      'POST /v1/hooks/replicate 404',
      'GET /health/live 200',
      'GET /health/ready 200',
    ]);
    expect((await gateway.send('/metrics', { user: null })).status).toBe(200);
    expect((await gateway.send('/docs', { user: null })).status).toBe(200);
  });
});
