import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest } from 'node:http';
import sharp from 'sharp';
import { eventually } from '../../../../test/support/eventually.js';
import { hugePng } from '../../../../test/support/huge-png.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import {
  NO_POSTGRES,
  startGateway,
  tokenFor,
  type RequestOptions,
  type TestGateway,
} from '../../test/gateway-fixture.js';
import * as answers from './answers.schema.js';

const PDF = Buffer.from('%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n');

describe('uploads', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  let images: Record<'png' | 'jpeg' | 'webp' | 'gif', Buffer>;

  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    const image = sharp({ create: { width: 300, height: 200, channels: 3, background: '#285577' } });
    const made = (format: 'png' | 'jpeg' | 'webp' | 'gif') => image.clone().toFormat(format).toBuffer();
    images = { png: await made('png'), jpeg: await made('jpeg'), webp: await made('webp'), gif: await made('gif') };
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  const upload = (body: Buffer, type: string, options: RequestOptions = {}) =>
    gateway.send('/v1/uploads', { method: 'POST', body, headers: { 'content-type': type }, ...options });

  function form(content: Buffer, name = 'a.png', type = 'image/png'): FormData {
    const data = new FormData();
    data.append('note', 'of no interest');
    data.append('file', new Blob([Uint8Array.from(content)], { type }), name);
    return data;
  }

  const stored = async (): Promise<string[]> =>
    (await readdir(gateway.images, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();

  it.each(['png', 'jpeg', 'webp'] as const)('takes %s as a body and in a form, as one upload', async (format) => {
    const content = images[format];
    const sha256 = createHash('sha256').update(content).digest('hex');
    const raw = await upload(content, `image/${format}`);
    expect(raw.status).toBe(201);
    expect(answers.upload.parse(raw.json)).toMatchObject({
      id: `${sha256}.${format}`,
      width: 300,
      height: 200,
      format,
      bytes: content.length,
      expires_at: null,
    });
    const before = await stored();
    const inForm = await gateway.send('/v1/uploads', { body: form(content) });
    expect(inForm).toMatchObject({ status: 201, json: raw.json });
    expect(await stored()).toEqual(before);
    expect(before).toContain(`${sha256}.${format}`);
  });

  it('goes by the bytes, whatever they are called', async () => {
    const { json } = await upload(images.webp, 'image/png');
    expect(json).toMatchObject({ format: 'webp' });
  });

  it('shows an upload and its bytes to its owner, and to nobody else', async () => {
    const { json } = await upload(images.png, 'image/png');
    const path = `/v1/uploads/${json.id}`;
    expect(json.url).toMatch(new RegExp(`${path}/content$`));
    expect(await gateway.send(path)).toMatchObject({ status: 200, json });
    const content = await gateway.send(`${path}/content`);
    expect(content.status).toBe(200);
    expect(content.bytes.equals(images.png)).toBe(true);
    expect(content.headers.get('content-type')).toBe('image/png');
    const etag = content.headers.get('etag')!;
    expect((await gateway.send(`${path}/content`, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await gateway.send(`${path}/content`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(images.png.length));

    for (const other of [{ user: 'bob' }, { user: 'root', claims: { role: 'admin' } }]) {
      for (const place of [path, `${path}/content`]) {
        expect(answers.problem.parse((await gateway.send(place, other)).json)).toMatchObject({ code: 'not_found' });
      }
    }
    expect((await gateway.send(path, { user: null })).status).toBe(401);
    for (const wrong of ['x', `${'0'.repeat(64)}.png`, `${'0'.repeat(64)}.svg`, '..%2f..%2fetc%2fpasswd']) {
      expect((await gateway.send(`/v1/uploads/${wrong}`)).status).toBe(404);
    }
  });

  it('keeps the same bytes of two users apart', async () => {
    const [alice, bob] = [
      await upload(images.jpeg, 'image/jpeg'),
      await upload(images.jpeg, 'image/jpeg', { user: 'bob' }),
    ];
    expect(alice.json.id).toBe(bob.json.id);
    expect((await stored()).filter((name) => name === alice.json.id)).toHaveLength(2);
  });

  describe('refuses, and keeps nothing of', () => {
    const jpg = (): Buffer => images.jpeg;
    const html = Buffer.from('<!doctype html><html><body>Sorry</body></html>');
    const svg = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
    );
    const cases: [string, () => Buffer, string, number, string][] = [
      ['nothing', () => Buffer.alloc(0), 'image/png', 415, 'unsupported_media_type'],
      ['HTML that is called a PNG', () => html, 'image/png', 415, 'unsupported_media_type'],
      ['a PDF that is called a JPEG', () => PDF, 'image/jpeg', 415, 'unsupported_media_type'],
      ['an SVG that is called a PNG', () => svg, 'image/png', 415, 'unsupported_media_type'],
      ['a GIF that is called a WebP', () => images.gif, 'image/webp', 415, 'unsupported_media_type'],
      ['a JPEG that ends early', () => jpg().subarray(0, jpg().length - 60), 'image/jpeg', 422, 'validation_failed'],
      ['a PNG of 50,000 by 50,000 pixels', () => hugePng(50_000, 50_000), 'image/png', 422, 'validation_failed'],
      ['an SVG', () => svg, 'image/svg+xml', 415, 'unsupported_media_type'],
      ['a PDF', () => PDF, 'application/pdf', 415, 'unsupported_media_type'],
      ['anything', () => jpg(), 'application/octet-stream', 415, 'unsupported_media_type'],
      ['JSON', () => Buffer.from('{}'), 'application/json', 415, 'unsupported_media_type'],
      ['11 MB', () => Buffer.alloc(11_000_000), 'image/png', 413, 'payload_too_large'],
      ['half a form', () => Buffer.from('--x\r\nContent-'), 'multipart/form-data; boundary=x', 400, 'bad_request'],
      ['a form without a boundary', () => Buffer.from('x'), 'multipart/form-data', 400, 'bad_request'],
      ['an empty form', () => Buffer.from('--x--\r\n'), 'multipart/form-data; boundary=x', 422, 'validation_failed'],
    ];

    it.each(cases)('%s', async (_name, content, type, status, code) => {
      const before = await stored();
      const answer = await upload(content(), type);
      expect(answers.problem.parse(answer.json)).toMatchObject({ status, code });
      expect(await stored()).toEqual(before);
    });

    it.each([
      ['11 MB', () => Buffer.alloc(11_000_000), 413, 'payload_too_large'],
      ['a PDF', () => PDF, 415, 'unsupported_media_type'],
      ['a JPEG that ends early', () => jpg().subarray(0, jpg().length - 60), 422, 'validation_failed'],
    ] as const)('%s in a form', async (_name, content, status, code) => {
      const before = await stored();
      const answer = await gateway.send('/v1/uploads', { body: form(content()) });
      expect(answers.problem.parse(answer.json)).toMatchObject({ status, code });
      expect(await stored()).toEqual(before);
    });

    it('11 MB whose length is not told', async () => {
      const headers = { 'content-type': 'image/png', authorization: `Bearer ${await tokenFor('alice')}` };
      const status = await new Promise((resolve, reject) => {
        const sent = httpRequest(`${gateway.url}/v1/uploads`, { method: 'POST', headers }, (response) =>
          resolve(response.resume().statusCode),
        );
        sent.on('error', reject);
        for (let i = 0; i < 11; i++) sent.write(Buffer.alloc(1_000_000));
        sent.end();
      });
      expect(status).toBe(413);
    });

    it('a file without credentials', async () => {
      expect((await upload(images.png, 'image/png', { user: null })).status).toBe(401);
    });
  });

  it('no other route takes files', async () => {
    for (const body of [form(images.png), images.png]) {
      const headers: Record<string, string> = body instanceof FormData ? {} : { 'content-type': 'image/png' };
      const answer = await gateway.send('/v1/generations', { method: 'POST', body, headers });
      expect(answers.problem.parse(answer.json)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    }
  });

  it('a user has a few in hand at once, and others go on', async () => {
    const headers = { 'content-type': 'image/png', authorization: `Bearer ${await tokenFor('greedy')}` };
    const begun: ClientRequest[] = [];
    const asGreedy = () => upload(images.png, 'image/png', { user: 'greedy' });
    let refused = await asGreedy();
    while (refused.status === 201) {
      // Never ended: it is in the gateway's hands until its client leaves.
      const sent = httpRequest(`${gateway.url}/v1/uploads`, { method: 'POST', headers });
      sent.on('error', () => undefined);
      await new Promise((resolve) => sent.write(images.png.subarray(0, 50), resolve));
      begun.push(sent);
      refused = await asGreedy();
    }
    expect(refused).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await upload(images.png, 'image/png')).status).toBe(201);
    for (const sent of begun) sent.destroy();
    await eventually(async () => (await asGreedy()).status === 201);
  });
});
