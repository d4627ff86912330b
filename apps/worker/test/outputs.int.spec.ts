import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredImage } from '@darkroom/domain';
import { openStorage, type ImageStorage } from '@darkroom/storage';
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { eventually } from '../../../test/support/eventually.js';
import { FileServer } from './images/file-server.js';
import { blackPng, pngChunk, withPngChunks } from './images/png.js';
import { WorkerFixture } from './worker-fixture.js';

const DRAWING =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200"><script>alert(1)</script><rect width="9" height="9"/></svg>';
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 90, b: 30 } } });

describe('what is stored of outputs', () => {
  let fixture: WorkerFixture;
  let files: FileServer;
  let storage: ImageStorage;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
    files = await FileServer.start();
    storage = await openStorage(fixture.config().storageUrl);
  });
  afterAll(async () => {
    await fixture.stop();
    await files.stop();
  });
  beforeEach(() => fixture.startWorker({ roles: ['dispatch', 'download'] }));
  afterEach(() => fixture.closeWorkers());

  const stored = async (key: string) => buffer(await storage.read(key));
  const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

  async function images(...outputs: string[]): Promise<readonly StoredImage[]> {
    const id = await fixture.generated(outputs);
    const { status, images: done, error } = await fixture.ended(id);
    expect([status, error]).toEqual(['completed', null]);
    return done;
  }

  it('several images of all formats, each as it is, with thumbnails beside it', async () => {
    const all = await images(
      files.put('0.webp', await picture(1_200, 800).webp().toBuffer(), 'image/webp'),
      files.put('1.png', await picture(400, 600).png().toBuffer(), 'image/png'),
      files.put('2.jpg', await picture(200, 100).jpeg().toBuffer(), 'image/jpeg'),
      files.put('3.svg', Buffer.from(DRAWING), 'image/svg+xml'),
    );
    expect(
      all.map(({ index, format, content_type, width, height }) => [index, format, content_type, width, height]),
    ).toEqual([
      [0, 'webp', 'image/webp', 1_200, 800],
      [1, 'png', 'image/png', 400, 600],
      [2, 'jpeg', 'image/jpeg', 200, 100],
      [3, 'svg', 'image/svg+xml', 300, 200],
    ]);
    expect(all.map(({ thumbnails }) => thumbnails.map(({ width, height }) => [width, height]))).toEqual([
      [
        [256, 171],
        [512, 341],
        [1_024, 683],
      ],
      [
        [171, 256],
        [341, 512],
      ],
      [],
      [
        [256, 171],
        [512, 341],
        [1_024, 683],
      ],
    ]);
    for (const image of all) {
      const content = await stored(image.storage_key);
      expect([content.length, sha256(content)]).toEqual([image.bytes, image.sha256]);
      for (const thumbnail of image.thumbnails) {
        const webp = await stored(thumbnail.storage_key);
        expect(webp.length).toBe(thumbnail.bytes);
        expect(await sharp(webp).metadata()).toMatchObject({
          format: 'webp',
          width: thumbnail.width,
          height: thumbnail.height,
        });
      }
    }
    expect((await stored(all[3]!.storage_key)).toString()).not.toContain('script');
  });

  it('another format than its name and type tell as what it is', async () => {
    const [image] = await images(files.put('said.webp', await picture(64, 64).png().toBuffer(), 'image/webp'));
    expect(image).toMatchObject({
      format: 'png',
      content_type: 'image/png',
      storage_key: expect.stringMatching(/\.png$/),
    });
  });

  it.each([
    [
      'image_invalid',
      'HTML that is called an image',
      async () => Buffer.from('<!doctype html><title>Bad gateway</title>'),
    ],
    ['image_invalid', 'an SVG that is not well-formed', async () => Buffer.from(DRAWING.slice(0, -3))],
    ['image_invalid', 'a cut JPEG', async () => half(await picture(640, 480).jpeg().toBuffer())],
    ['image_invalid', 'another format', async () => picture(64, 64).gif().toBuffer()],
    ['image_too_large', 'a bomb', async () => blackPng(50_000, 50_000)],
    ['image_too_large', 'a drawing that is too deep', async () => Buffer.from(deepDrawing())],
  ])('nothing, and %s is told: %s', async (code, name, content) => {
    const output = files.put(`${name.replaceAll(' ', '-')}.png`, await content(), 'image/png');
    const id = await fixture.generated([output], { maxAttempts: 1 });
    expect(await fixture.ended(id)).toMatchObject({ status: 'failed', images: [], error: { code, stage: 'download' } });
  });

  it('nothing of what a generator writes into its files, unless that is asked for', async () => {
    const plain = await picture(40, 40).png().toBuffer();
    const output = files.put('p.png', withPngChunks(plain, pngChunk('tEXt', 'parameters\0a secret')), 'image/png');
    const [stripped] = await images(output);
    expect((await stored(stripped!.storage_key)).equals(plain)).toBe(true);

    await fixture.closeWorkers();
    await fixture.startWorker({ roles: ['dispatch', 'download'], keepImageMetadata: true });
    const [kept] = await images(output);
    expect((await stored(kept!.storage_key)).includes('a secret')).toBe(true);
    expect(kept!.bytes).toBeGreaterThan(stripped!.bytes);
  });

  it('once, although one of several has to be downloaded again', async () => {
    const folder = join(fixture.dir, 'images');
    let told: (id: string) => void = () => undefined;
    const firstIsStored = new Promise<string>((resolve) => (told = resolve)).then((known) =>
      eventually(async () => (await snapshot(folder, known)).size === 3, { what: 'an image and two thumbnails' }),
    );
    const first = files.put('first.png', await picture(600, 600).png().toBuffer(), 'image/png');
    const second = files.put('second.png', Buffer.from('<html>'), 'image/png', firstIsStored);
    const id = await fixture.generated([first, second]);
    told(id);
    await fixture.until(id, ({ error }) => error?.code === 'image_invalid');
    const before = await snapshot(folder, id);
    files.put('second.png', await picture(50, 50).png().toBuffer(), 'image/png');
    const { images: done } = await fixture.ended(id);
    const after = await snapshot(folder, id);
    expect([before.size, after.size, done.length]).toEqual([3, 4, 2]);
    // The same files, untouched: not others of the same name.
    for (const [name, inode] of before) expect(after.get(name)).toBe(inode);
    expect(files.asked.filter((name) => name === 'first.png')).toHaveLength(2);
  });
});

function half(content: Buffer): Buffer {
  return content.subarray(0, Math.floor(content.length / 2));
}

function deepDrawing(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">${'<g>'.repeat(500)}${'</g>'.repeat(500)}</svg>`;
}

/** Files of a generation, and which files they are. */
async function snapshot(folder: string, id: string): Promise<Map<string, number>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const own = files.filter((file) => file.isFile() && file.parentPath.endsWith(id));
  const inodes = own.map(async ({ name, parentPath }) => [name, (await stat(join(parentPath, name))).ino] as const);
  return new Map(await Promise.all(inodes));
}
