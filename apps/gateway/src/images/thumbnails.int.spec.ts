import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration } from '../../test/play-worker.js';
import * as answers from '../rest/answers.schema.js';

const MINUTE_MS = 60_000;

describe('images for pages', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let imageId: string;
  let thumbnailUrl: string;
  let now = Date.now();
  const content = randomBytes(50_000);

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES }, undefined, undefined, () => now);
    await gateway.ready();
    const { json } = await gateway.send('/v1/generations', { json: { prompt: 'x' } });
    imageId = await completeGeneration(gateway, json.id, content, { format: 'svg', thumbnails: [256, 512, 1_024] });
    thumbnailUrl = (await gateway.send(`/v1/generations/${json.id}`)).json.images[0].thumbnail_url;
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  /** The path and query of an address: the gateway knows of its configured port only. */
  const pathOf = (url: string) => url.slice(new URL(url).origin.length);
  const anonymous = (path: string, method = 'GET') => gateway.send(path, { user: null, method });
  const link = async (json?: object, user = 'alice') =>
    gateway.send(`/v1/images/${imageId}/links`, { json, user, method: 'POST' });

  describe('thumbnails', () => {
    it('are where the generation says', async () => {
      const answer = await gateway.send(pathOf(thumbnailUrl));
      expect(answer.status).toBe(200);
      expect(answer.bytes).toHaveLength(512);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-type': 'image/webp',
        'content-length': '512',
        'content-disposition': `inline; filename="${imageId}-512.webp"`,
        'cache-control': 'private, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      });
      const etag = answer.headers.get('etag')!;
      expect(etag).toMatch(/^"[\w-]+"$/);
      const again = await gateway.send(pathOf(thumbnailUrl), { headers: { 'if-none-match': etag } });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
    });

    it.each([
      [1, 256],
      [256, 256],
      [257, 512],
      [512, 512],
      [1_000, 1_024],
      [1_024, 1_024],
    ])('of a width of %d are the nearest that are as large: %d', async (width, bytes) => {
      const answer = await gateway.send(`/v1/images/${imageId}/thumbnail?width=${width}`);
      expect([answer.status, answer.bytes.length]).toEqual([200, bytes]);
    });

    it('have tags of their own', async () => {
      const tags = await Promise.all(
        ['thumbnail?width=256', 'thumbnail?width=512', 'content'].map(async (path) =>
          (await gateway.send(`/v1/images/${imageId}/${path}`)).headers.get('etag'),
        ),
      );
      expect(new Set(tags).size).toBe(3);
    });

    it.each(['width=0', 'width=1025', 'width=wide', 'width=', 'width=-1', 'height=256'])('refuse %s', async (query) => {
      const answer = await gateway.send(`/v1/images/${imageId}/thumbnail?${query}`);
      expect(answers.problem.parse(answer.json)).toMatchObject({
        status: 422,
        errors: [{ field: query.split('=')[0] }],
      });
    });
  });

  it('drawings are shown under a policy that lets nothing run', async () => {
    const answer = await gateway.send(`/v1/images/${imageId}/content`);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      'x-content-type-options': 'nosniff',
      'content-disposition': `inline; filename="${imageId}.svg"`,
    });
  });

  describe('links', () => {
    it('work without credentials, in pages of other origins, with parts and tags', async () => {
      const { status, json } = await link();
      expect([status, json.expires_at]).toEqual([
        200,
        new Date(Math.floor(now / 1_000) * 1_000 + 60 * MINUTE_MS).toISOString(),
      ]);
      const path = pathOf(json.url);
      const whole = await anonymous(path);
      expect(whole.bytes.equals(content)).toBe(true);
      expect(Object.fromEntries(whole.headers)).toMatchObject({
        'content-type': 'image/svg+xml',
        'content-security-policy': expect.stringContaining('sandbox'),
        'cross-origin-resource-policy': 'cross-origin',
      });
      const part = await gateway.send(path, { user: null, headers: { range: 'bytes=10-19' } });
      expect([part.status, part.bytes.equals(content.subarray(10, 20))]).toEqual([206, true]);
      const known = { 'if-none-match': whole.headers.get('etag')! };
      expect((await gateway.send(path, { user: null, headers: known })).status).toBe(304);
      expect((await anonymous(path, 'HEAD')).headers.get('content-length')).toBe('50000');
    });

    it('lead to thumbnails, too', async () => {
      const plain = await link({ variant: 'thumbnail' });
      expect((await anonymous(pathOf(plain.json.url))).bytes).toHaveLength(512);
      const small = await link({ variant: 'thumbnail', width: 256, expires_in: 60 });
      expect((await anonymous(pathOf(small.json.url))).bytes).toHaveLength(256);
    });

    it('end', async () => {
      const path = pathOf((await link({ expires_in: 90 })).json.url);
      now += MINUTE_MS;
      expect((await anonymous(path)).status).toBe(200);
      now += MINUTE_MS;
      const { headers, json } = await anonymous(path);
      expect(answers.problem.parse(json)).toMatchObject({
        status: 403,
        code: 'forbidden',
        detail: expect.stringContaining('expired'),
      });
      expect(headers.get('cache-control')).toBe('no-store');
    });

    it('cannot be changed', async () => {
      const url = new URL((await link({ variant: 'thumbnail', width: 256 })).json.url);
      const changed = (change: (changing: URL) => void) => {
        const other = new URL(url);
        change(other);
        return pathOf(other.href);
      };
      const others = [
        changed((other) => other.searchParams.set('width', '1024')),
        changed((other) => other.searchParams.delete('width')),
        changed((other) => other.searchParams.set('expires', String(Number(other.searchParams.get('expires')) + 1))),
        changed((other) => other.searchParams.delete('expires')),
        changed((other) => other.searchParams.set('signature', 'A'.repeat(43))),
        changed((other) => other.searchParams.set('signature', '')),
        changed((other) => (other.pathname = other.pathname.replace('thumbnail', 'content'))),
        changed((other) => (other.pathname = other.pathname.replace(imageId, imageId.replace(/.$/, '2')))),
      ];
      for (const path of others) {
        const answer = await anonymous(path);
        expect([path, answer.status]).toEqual([path, 403]);
        expect(answer.bytes.includes(content.subarray(0, 100))).toBe(false);
      }
      expect((await anonymous(pathOf(url.href))).status).toBe(200);
      const unsigned = changed((other) => other.searchParams.delete('signature'));
      expect((await anonymous(unsigned)).status).toBe(401);
    });

    it('are made for images of one’s own, and by operators', async () => {
      expect((await link({}, 'bob')).status).toBe(404);
      expect((await anonymous(`/v1/images/${imageId}/links`, 'POST')).status).toBe(401);
      const operator = { method: 'POST', user: 'root', claims: { role: 'admin' } };
      expect((await gateway.send(`/v1/images/${imageId}/links`, operator)).status).toBe(200);
    });

    it.each([
      [{ expires_in: 0 }, 'expires_in'],
      [{ expires_in: 604_801 }, 'expires_in'],
      [{ variant: 'original' }, 'variant'],
      [{ width: 256 }, 'width'],
      [{ variant: 'thumbnail', width: 2_000 }, 'width'],
      [{ forever: true }, 'forever'],
    ])('are not made of %j', async (body, field) => {
      expect(answers.problem.parse((await link(body)).json)).toMatchObject({ status: 422, errors: [{ field }] });
    });

    it('are another gateway’s with the same secret, and nobody’s with another', async () => {
      const path = pathOf((await link({ expires_in: 604_800 })).json.url);
      const start = (secret: string) =>
        startGateway(
          {
            NATS_URL: nats.url,
            DATABASE_URL: NO_POSTGRES,
            STORAGE_URL: `file:${gateway.images}`,
            ...(secret && { LINK_SECRET: secret }),
          },
          undefined,
          undefined,
          () => now,
        );
      const [same, other] = await Promise.all([start(''), start('another secret of links')]);
      try {
        await Promise.all([same.ready(), other.ready()]);
        expect((await same.send(path, { user: null })).status).toBe(200);
        expect((await other.send(path, { user: null })).status).toBe(403);
      } finally {
        await Promise.all([same.close(), other.close()]);
      }
    });
  });
});
