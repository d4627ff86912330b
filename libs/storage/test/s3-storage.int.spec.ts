import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { openStorage } from '../src/index.js';
import { S3Storage } from '../src/s3-storage.js';
import { credentials, startS3Server } from './s3-server.js';

const PNG = { contentType: 'image/png' };

describe('S3', () => {
  let endpoint: string;
  let close: () => Promise<void>;
  const servers: Server[] = [];

  beforeAll(async () => {
    ({ endpoint, close } = await startS3Server('images'));
  });

  afterAll(async () => {
    await close();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const open = (at: string, bucket = 'images') =>
    openStorage(`s3://${bucket}?endpoint=${at}&region=us-east-1`, credentials);

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('signs a link that gives the image, with its content type, to anyone', async () => {
    const storage = await open(endpoint);
    await storage.put('linked/0.png', Buffer.from('image'), PNG);
    const link = await storage.signedUrl('linked/0.png', 300);
    expect(new URL(link!).searchParams.get('X-Amz-Expires')).toBe('300');
    const answer = await fetch(link!);
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(await answer.text()).toBe('image');
  });

  it('says that the bucket is missing, which is not a missing object', async () => {
    const storage = await open(endpoint, 'elsewhere');
    const missing = { code: 'unavailable', message: 'S3 bucket elsewhere does not exist' };
    await expect(storage.check()).rejects.toMatchObject(missing);
    await expect(storage.put('a/0.png', Buffer.from('x'), PNG)).rejects.toMatchObject(missing);
    await expect(storage.read('a/0.png')).rejects.toMatchObject(missing);
  });

  it.each([
    [403, 'AccessDenied', 'denied'],
    [403, 'SignatureDoesNotMatch', 'denied'],
    [503, 'SlowDown', 'unavailable'],
    [500, 'InternalError', 'unavailable'],
  ])('tells %d %s as %s', async (status, code, expected) => {
    const storage = await open(
      await serve((request, response) => {
        request.resume();
        response.writeHead(status, { 'content-type': 'application/xml' });
        response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`);
      }),
    );
    const failure = { name: 'StorageError', code: expected, retryable: true };
    await expect(storage.put('a/0.png', Buffer.from('x'), PNG)).rejects.toMatchObject(failure);
    await expect(storage.read('a/0.png')).rejects.toMatchObject({ ...failure, message: expect.stringContaining(code) });
    await expect(storage.head('a/0.png')).rejects.toMatchObject(failure);
    await expect(storage.check()).rejects.toMatchObject(failure);
  });

  it('repeats a put that met a passing failure, with the same bytes', async () => {
    const bodies: string[] = [];
    const storage = await open(
      await serve((request, response) => {
        const parts: Buffer[] = [];
        request.on('data', (part: Buffer) => parts.push(part));
        request.on('end', () => {
          bodies.push(Buffer.concat(parts).toString());
          response.writeHead(bodies.length === 1 ? 503 : 200).end();
        });
      }),
    );
    await storage.put('a/0.png', Buffer.from('image'), PNG);
    expect(bodies).toEqual(['image', 'image']);
  });

  it('is unavailable when nothing listens', async () => {
    await expect((await open('http://127.0.0.1:9')).check()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('gives up on a server that never answers', async () => {
    const silent = await serve((request) => request.resume());
    const storage = new S3Storage({ bucket: 'images', endpoint: silent, credentials, timeoutMs: 100 });
    await expect(storage.head('a/0.png')).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each(['cut', 'stalled'])('ends the stream of a body that is %s with an error', async (fault) => {
    const faulty = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('half', () => fault === 'cut' && response.destroy());
    });
    const storage = new S3Storage({ bucket: 'images', endpoint: faulty, credentials, timeoutMs: 500 });
    await expect(buffer(await storage.read('a/0.png'))).rejects.toThrow();
  });
});
