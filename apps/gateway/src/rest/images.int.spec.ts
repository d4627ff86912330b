import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { imageIdOf } from '@darkroom/domain';
import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration } from '../../test/play-worker.js';
import * as answers from './answers.schema.js';

const bytes = randomBytes(200_000);
const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;

describe('images', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let generationId: string;
  let imageId: string;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    generationId = (await gateway.send('/v1/generations', { json: { prompt: 'x' } })).json.id;
    imageId = await completeGeneration(gateway, generationId, bytes);
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const content = (headers: Record<string, string> = {}, method = 'GET') =>
    gateway.send(`/v1/images/${imageId}/content`, { headers, method });

  it('are described', async () => {
    const { status, json } = await gateway.send(`/v1/images/${imageId}`);
    expect(status).toBe(200);
    expect(answers.imageAnswer.parse(json)).toMatchObject({ id: imageId, generation_id: generationId, bytes: 200_000 });
  });

  it('are sent whole, as what they are', async () => {
    const answer = await content();
    expect(answer.status).toBe(200);
    expect(answer.bytes.equals(bytes)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '200000',
      'content-disposition': `inline; filename="${imageId}.png"`,
      'cache-control': 'private, max-age=31536000, immutable',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
      etag,
    });
  });

  it.each([
    ['bytes=0-99', 0, 99],
    ['bytes=199990-', 199_990, 199_999],
    ['bytes=-5', 199_995, 199_999],
    ['bytes=100-999999999', 100, 199_999],
  ])('are sent in part for %s', async (range, start, end) => {
    const answer = await content({ range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/200000`);
    expect(answer.bytes.equals(bytes.subarray(start, end + 1))).toBe(true);
  });

  it('are sent in part only of the version that the client has', async () => {
    expect((await content({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206);
    expect((await content({ range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200);
  });

  it('have no bytes after the last', async () => {
    const answer = await content({ range: 'bytes=200000-' });
    expect(answers.problem.parse(answer.json)).toMatchObject({ status: 416, code: 'range_not_satisfiable' });
    expect(answer.headers.get('content-range')).toBe('bytes */200000');
  });

  it('are not sent to a client that has them', async () => {
    for (const ifNoneMatch of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
      const answer = await content({ 'if-none-match': ifNoneMatch });
      expect(answer).toMatchObject({ status: 304, bytes: Buffer.alloc(0) });
      expect(answer.headers.get('etag')).toBe(etag);
    }
    expect((await content({ 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('tell their size without their bytes', async () => {
    const answer = await content({}, 'HEAD');
    expect(answer).toMatchObject({ status: 200, bytes: Buffer.alloc(0) });
    expect(answer.headers.get('content-length')).toBe('200000');
  });

  it('have no thumbnail when they are small', async () => {
    expect((await gateway.send(`/v1/generations/${generationId}`)).json.images[0].thumbnail_url).toBeNull();
    expect((await gateway.send(`/v1/images/${imageId}/thumbnail`)).status).toBe(404);
    const json = { variant: 'thumbnail' };
    expect((await gateway.send(`/v1/images/${imageId}/links`, { json })).status).toBe(404);
  });

  it.each(['', '/content', '/thumbnail'])(
    '%s of another user, or of none, are 404; operators see them',
    async (path) => {
      const nobodys = imageIdOf('01890a5d-ac96-774b-bcce-b302099a8050', 0);
      for (const id of [imageId, nobodys, generationId, imageIdOf(generationId, 3), 'x', '..%2f..%2fetc']) {
        const user = id === imageId ? 'bob' : 'alice';
        const answer = await gateway.send(`/v1/images/${id}${path}`, { user });
        expect(answers.problem.parse(answer.json)).toMatchObject({ status: 404, code: 'not_found' });
      }
      if (path === '/thumbnail') return;
      const operator = await gateway.send(`/v1/images/${imageId}${path}`, { user: 'root', claims: { role: 'admin' } });
      expect(operator.status).toBe(200);
    },
  );

  it('of a generation that is under way are 404', async () => {
    const { json } = await gateway.send('/v1/generations', { json: { prompt: 'x' } });
    expect((await gateway.send(`/v1/images/${imageIdOf(json.id, 0)}`)).status).toBe(404);
  });

  it('whose file is gone are a problem, and no empty image', async () => {
    await rm(gateway.images, { recursive: true });
    const answer = await content();
    expect(answer.headers.get('content-type')).toContain('problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answers.problem.parse(answer.json)).toMatchObject({ code: 'not_found' });
  });
});

/** A link's address, at the port that this gateway has got: it knows of none but the configured. */
function rebased(url: string, gateway: TestGateway): string {
  const { pathname, search } = new URL(url);
  return `${gateway.url}${pathname}${search}`;
}

describe('images in a storage that signs links', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let imageId: string;
  let drawingId: string;

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = 'id';
    process.env.AWS_SECRET_ACCESS_KEY = 'secret';
    nats = await startNats();
    // Signing a link needs no server, so none is here: that also shows that the gateway asks it nothing.
    const STORAGE_URL = 's3://pictures?region=eu-central-1&endpoint=http://127.0.0.1:1';
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES, STORAGE_URL });
    await gateway.ready();
    const { json } = await gateway.send('/v1/generations', { json: { prompt: 'x' } });
    imageId = await completeGeneration(gateway, json.id, bytes, {
      storage: { put: () => Promise.resolve() },
      thumbnails: [256],
    });
    const drawing = await gateway.send('/v1/generations', { json: { prompt: 'y' } });
    drawingId = await completeGeneration(gateway, drawing.json.id, bytes, {
      storage: { put: () => Promise.resolve() },
      format: 'svg',
    });
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
  });

  it('are answered by a link that nobody keeps', async () => {
    const answer = await gateway.send(`/v1/images/${imageId}/content`);
    expect(answer.status).toBe(302);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const link = new URL(answer.headers.get('location')!);
    expect(link.host).toBe('127.0.0.1:1');
    expect(link.searchParams.get('X-Amz-Expires')).toBe('300');
    expect(link.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('are linked for nobody else, and not for a client that has them', async () => {
    expect((await gateway.send(`/v1/images/${imageId}/content`, { user: 'bob' })).status).toBe(404);
    const headers = { 'if-none-match': etag };
    expect((await gateway.send(`/v1/images/${imageId}/content`, { headers })).status).toBe(304);
  });

  it('are answered by a link for no longer than the link that was followed', async () => {
    const json = { variant: 'thumbnail', expires_in: 60 };
    const { url } = (await gateway.send(`/v1/images/${imageId}/links`, { json })).json;
    const answer = await fetch(rebased(url, gateway), { redirect: 'manual' });
    expect(answer.status).toBe(302);
    const location = new URL(answer.headers.get('location')!);
    expect(location.pathname).toMatch(/-256\.webp$/);
    expect(Number(location.searchParams.get('X-Amz-Expires'))).toBeLessThanOrEqual(60);
  });

  it('are not answered by a link when they are drawings: the storage would not tell the policy', async () => {
    const answer = await gateway.send(`/v1/images/${drawingId}/content`);
    expect(answer.headers.get('location')).toBeNull();
    expect(answer.status).not.toBe(302);
  });

  it('do not keep the gateway from accepting when the storage is away', async () => {
    expect(await gateway.send('/health/ready')).toMatchObject({
      status: 200,
      json: { status: 'degraded', details: { storage: { status: 'degraded', message: 'It cannot be used now' } } },
    });
  });
});
