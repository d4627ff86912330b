import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import { blackPng } from '../../test/images/png.js';
import { allowRasterFormatsOnly } from '@darkroom/images';
import { decodeImage, readHeader, type DecodeLimits } from './decode-image.js';
import { sizeWithin } from './pixels.js';

/** Noise, so that the encoded image is large enough to be cut anywhere. */
function noise(width: number, height: number): Sharp {
  const gaussian = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  return sharp({ create: { width, height, channels: 3, background: 'black', noise: gaussian } });
}

/** Its header, once all of it has been decoded. */
async function decoded(content: Uint8Array, limits?: DecodeLimits) {
  const header = await readHeader(content, limits);
  await decodeImage(content, sizeWithin(64, header));
  return header;
}

describe('an image', () => {
  let images: Record<'png' | 'jpeg' | 'progressive jpeg' | 'webp' | 'lossless webp', Buffer>;

  // The restriction is the process's, and jest runs other suites in the same one.
  afterAll(() => sharp.unblock({ operation: ['VipsForeignLoad'] }));

  beforeAll(async () => {
    // As in the worker, where nothing else is ever decoded.
    allowRasterFormatsOnly();
    const image = noise(400, 300);
    images = {
      png: await image.clone().png().toBuffer(),
      jpeg: await image.clone().jpeg().toBuffer(),
      'progressive jpeg': await image.clone().jpeg({ progressive: true }).toBuffer(),
      webp: await image.clone().webp().toBuffer(),
      'lossless webp': await image.clone().webp({ lossless: true }).toBuffer(),
    };
  });

  const kinds = ['png', 'jpeg', 'progressive jpeg', 'webp', 'lossless webp'] as const;

  it.each(kinds)('is read and decoded: %s', async (kind) => {
    const format = kind.split(' ').at(-1);
    expect(await decoded(images[kind])).toMatchObject({ format, width: 400, height: 300, orientation: 1 });
  });

  it('gives the size after the EXIF rotation, as a viewer shows it', async () => {
    const rotated = await noise(400, 300).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await decoded(rotated)).toMatchObject({ width: 300, height: 400 });
  });

  it.each([
    ['a single pixel', 1, 1],
    ['a long strip', 4_000, 1],
  ])('takes %s', async (_name, width, height) => {
    expect(await decoded(await noise(width, height).png().toBuffer())).toMatchObject({ width, height });
  });

  it('takes transparency, grey and 16 bits', async () => {
    const transparent = sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 9, g: 9, b: 9, alpha: 0.5 } },
    });
    const grey = noise(8, 8).toColourspace('b-w');
    const deep = noise(8, 8).toColourspace('rgb16');
    for (const image of [transparent, grey, deep])
      expect(await decoded(await image.png().toBuffer())).toMatchObject({ format: 'png', width: 8 });
  });

  it.each(kinds)('refuses %s that was cut, wherever', async (kind) => {
    const content = images[kind];
    for (const share of [0.999, 0.9, 0.5, 0.1]) {
      const cut = content.subarray(0, Math.floor(content.length * share));
      await expect(decoded(cut)).rejects.toMatchObject({ name: 'ImageError', code: 'corrupt', retryable: true });
    }
    await expect(decoded(content.subarray(0, 14))).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('refuses a PNG with a damaged middle', async () => {
    const damaged = Buffer.from(images.png);
    damaged.fill(0, 20_000, 20_100);
    await expect(decoded(damaged)).rejects.toMatchObject({ code: 'corrupt' });
  });

  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><html><body>Bad gateway</body></html>'],
    ['JSON', '{"error":"not found"}'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'],
  ])('refuses %s', async (_name, text) => {
    const refused = { name: 'ImageError', code: 'not_an_image', retryable: true };
    await expect(decoded(Buffer.from(text))).rejects.toMatchObject(refused);
  });

  it.each(['gif', 'tiff', 'avif'] as const)('refuses %s, which we do not take', async (format) => {
    const content = await noise(16, 16).toFormat(format).toBuffer();
    await expect(decoded(content)).rejects.toMatchObject({ code: 'not_an_image' });
  });

  it('refuses a decompression bomb before decoding it', async () => {
    const bomb = blackPng(30_000, 30_000);
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage.rss();
    expect(await decoded(blackPng(300, 200))).toMatchObject({ format: 'png', width: 300, height: 200 });
    const refused = { code: 'too_many_pixels', retryable: false, message: expect.stringContaining('30000 by 30000') };
    await expect(decoded(bomb)).rejects.toMatchObject(refused);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });

  it.each([
    ['png', 8_200],
    ['jpeg', 5_800],
  ] as const)('refuses %s in passes that would have to be held as a whole', async (format, side) => {
    const large = sharp({ create: { width: side, height: side, channels: 3, background: 'black' } });
    const [whole, inPasses] = await Promise.all(
      [false, true].map((progressive) => large.clone().toFormat(format, { progressive }).toBuffer()),
    );
    await expect(decoded(whole!)).resolves.toMatchObject({ width: side });
    const refused = { code: 'too_many_pixels', message: expect.stringContaining('in passes') };
    await expect(decoded(inPasses!)).rejects.toMatchObject(refused);
  });

  it('takes as many pixels as it is told, and not one more', async () => {
    await expect(decoded(images.png, { maxPixels: 120_000 })).resolves.toBeDefined();
    await expect(decoded(images.png, { maxPixels: 119_999 })).rejects.toMatchObject({ code: 'too_many_pixels' });
  });
});
