import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type ImageStorage, openStorage } from '../src/index.js';
import { credentials, startS3Server } from './s3-server.js';

const PNG = { contentType: 'image/png' };

async function openLocal(folder: string) {
  return { storage: await openStorage(`file:${folder}`), close: async () => undefined };
}

async function openS3() {
  const server = await startS3Server('images');
  const storage = await openStorage(`s3://images?endpoint=${server.endpoint}&region=us-east-1`, credentials);
  return { storage, close: server.close };
}

/** Every storage keeps the same promises: one suite for all. */
describe.each([
  ['local files', openLocal],
  ['S3', openS3],
])('image storage: %s', (_name, open) => {
  let folder: string;
  let storage: ImageStorage;
  let close: () => Promise<void>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-storage-'));
    ({ storage, close } = await open(folder));
  });

  afterAll(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });

  const read = async (key: string, range?: { start: number; end: number }) => buffer(await storage.read(key, range));

  it('gives back the bytes that were put, with their size and time', async () => {
    const content = randomBytes(300_000);
    const before = Date.now();
    await storage.put('images/2026/11/21/a/0-aa.png', content, PNG);
    expect((await read('images/2026/11/21/a/0-aa.png')).equals(content)).toBe(true);
    const info = await storage.head('images/2026/11/21/a/0-aa.png');
    expect(info?.bytes).toBe(300_000);
    // S3 tells whole seconds.
    expect(Math.abs(info!.lastModified.getTime() - before)).toBeLessThan(10_000);
  });

  it('takes a stream larger than one part of a multipart upload', async () => {
    const parts = Array.from({ length: 12 }, () => randomBytes(1_000_000));
    await storage.put('streamed/large.png', asStream(parts), PNG);
    const stored = await read('streamed/large.png');
    expect(sha256(stored)).toBe(sha256(Buffer.concat(parts)));
  });

  it('keeps an empty object, which has no range', async () => {
    await storage.put('empty.png', new Uint8Array(0), PNG);
    await storage.put('empty-stream.png', asStream([]), PNG);
    expect((await read('empty.png')).length).toBe(0);
    expect((await storage.head('empty-stream.png'))?.bytes).toBe(0);
    await expect(storage.read('empty.png', { start: 0, end: 0 })).rejects.toMatchObject({ code: 'invalid_range' });
  });

  it('reads inclusive ranges, cut at the end', async () => {
    await storage.put('digits', Buffer.from('0123456789'), PNG);
    expect((await read('digits', { start: 0, end: 0 })).toString()).toBe('0');
    expect((await read('digits', { start: 2, end: 5 })).toString()).toBe('2345');
    expect((await read('digits', { start: 9, end: 9 })).toString()).toBe('9');
    expect((await read('digits', { start: 7, end: 1_000 })).toString()).toBe('789');
  });

  it.each([
    [10, 12],
    [5, 4],
    [-1, 3],
    [0.5, 3],
    [0, Number.NaN],
  ])('refuses the range %d to %d of ten bytes', async (start, end) => {
    await storage.put('digits', Buffer.from('0123456789'), PNG);
    await expect(storage.read('digits', { start, end })).rejects.toMatchObject({
      name: 'StorageError',
      code: 'invalid_range',
      retryable: false,
    });
  });

  it('tells what is missing', async () => {
    await expect(storage.read('missing/0.png')).rejects.toMatchObject({ code: 'not_found', retryable: false });
    await expect(storage.read('missing/0.png', { start: 0, end: 1 })).rejects.toMatchObject({ code: 'not_found' });
    expect(await storage.head('missing/0.png')).toBeNull();
  });

  it('does not take a folder for an object', async () => {
    await storage.put('folder/inside/0.png', Buffer.from('x'), PNG);
    expect(await storage.head('folder/inside')).toBeNull();
    await expect(storage.read('folder/inside')).rejects.toMatchObject({ code: 'not_found' });
    await storage.delete('folder/inside');
    expect(await storage.head('folder/inside/0.png')).not.toBeNull();
  });

  it('deletes for good, and again without complaint', async () => {
    await storage.put('deleted/0.png', Buffer.from('x'), PNG);
    await storage.delete('deleted/0.png');
    expect(await storage.head('deleted/0.png')).toBeNull();
    await storage.delete('deleted/0.png');
  });

  it('is idempotent, also for the same key at the same time', async () => {
    const content = randomBytes(500_000);
    await Promise.all(Array.from({ length: 8 }, () => storage.put('same/0.png', content, PNG)));
    expect(sha256(await read('same/0.png'))).toBe(sha256(content));
  });

  it('shows readers of a key that is written again one whole object or the other', async () => {
    const [one, other] = [Buffer.alloc(2_000_000, 1), Buffer.alloc(2_000_000, 2)];
    await storage.put('replaced/0.png', one, PNG);
    const writes = Promise.all([other, one, other, one].map((content) => storage.put('replaced/0.png', content, PNG)));
    for (const seen of await Promise.all(Array.from({ length: 8 }, () => read('replaced/0.png')))) {
      expect([one, other].some((whole) => whole.equals(seen))).toBe(true);
    }
    await writes;
  });

  it('keeps nothing of a stream that fails, and passes its error on', async () => {
    const failure = new Error('the client went away');
    const broken = async function* () {
      yield randomBytes(6_000_000);
      throw failure;
    };
    await expect(storage.put('broken/0.png', broken(), PNG)).rejects.toBe(failure);
    expect(await storage.head('broken/0.png')).toBeNull();
  });

  it.each(['../outside', 'a/../../outside', '/etc/passwd', '.incoming/x', ''])('refuses the key %j', async (key) => {
    const invalid = { code: 'invalid_key' };
    await expect(storage.put(key, Buffer.from('x'), PNG)).rejects.toMatchObject(invalid);
    await expect(storage.read(key)).rejects.toMatchObject(invalid);
    await expect(storage.head(key)).rejects.toMatchObject(invalid);
    await expect(storage.delete(key)).rejects.toMatchObject(invalid);
  });

  it('is usable', async () => {
    await expect(storage.check()).resolves.toBeUndefined();
  });
});

async function* asStream(parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
