import { beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import { hugePng } from '../../../test/support/huge-png.js';
import { inspectImage, readHeader } from './inspect-image.js';

/** Noise, so that it is large enough to be cut anywhere. */
function noise(width: number, height: number): Sharp {
  const gaussian = { type: 'gaussian', mean: 128, sigma: 40 } as const;
  return sharp({ create: { width, height, channels: 3, background: 'black', noise: gaussian } });
}

const plain = (side: number): Sharp =>
  sharp({ create: { width: side, height: side, channels: 3, background: 'teal' } });

describe('inspectImage', () => {
  let images: Record<'png' | 'jpeg' | 'progressive jpeg' | 'webp' | 'interlaced png', Buffer>;
  beforeAll(async () => {
    const image = noise(200, 150);
    images = {
      png: await image.clone().png().toBuffer(),
      'interlaced png': await image.clone().png({ progressive: true }).toBuffer(),
      jpeg: await image.clone().jpeg().toBuffer(),
      'progressive jpeg': await image.clone().jpeg({ progressive: true }).toBuffer(),
      webp: await image.clone().webp().toBuffer(),
    };
  });

  const kinds = ['png', 'interlaced png', 'jpeg', 'progressive jpeg', 'webp'] as const;

  it.each(kinds)('tells what a %s is', async (kind) => {
    const content = images[kind];
    const format = kind.split(' ').at(-1);
    const image = {
      format,
      contentType: `image/${format}`,
      width: 200,
      height: 150,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    };
    expect(await inspectImage(content)).toEqual(image);
    expect(await readHeader(content)).toEqual(image);
  });

  it.each(kinds)('refuses a %s that was cut, wherever', async (kind) => {
    const content = images[kind];
    for (const share of [0.99, 0.5, 0.1]) {
      const cut = content.subarray(0, Math.floor(content.length * share));
      await expect(inspectImage(cut)).rejects.toMatchObject({ name: 'InvalidImageError', code: 'corrupt' });
    }
  });

  it('tells the size as a viewer shows it', async () => {
    const rotated = await noise(40, 30).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await inspectImage(rotated)).toMatchObject({ width: 30, height: 40 });
  });

  it.each([
    ['nothing', ''],
    ['HTML', '<!doctype html><html><body>Bad gateway</body></html>'],
    ['a PDF', '%PDF-1.7\n%%EOF\n'],
    ['an SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'],
  ])('refuses %s', async (_name, text) => {
    await expect(inspectImage(Buffer.from(text))).rejects.toMatchObject({ code: 'not_an_image' });
  });

  it.each(['gif', 'tiff', 'avif'] as const)('refuses %s, which is not taken', async (format) => {
    const content = await noise(16, 16).toFormat(format).toBuffer();
    await expect(inspectImage(content)).rejects.toMatchObject({ code: 'not_an_image' });
  });

  it('refuses a bomb before decoding it', async () => {
    const bomb = hugePng(50_000, 50_000);
    expect(bomb.length).toBeLessThan(1_000);
    const refused = { code: 'too_many_pixels', message: expect.stringContaining('50000 by 50000') };
    await expect(inspectImage(bomb)).rejects.toMatchObject(refused);
  });

  it('takes more pixels of what can be decoded piece by piece', async () => {
    const image = plain(4_100);
    expect(await inspectImage(await image.clone().jpeg().toBuffer())).toMatchObject({ width: 4_100 });
    for (const held of [image.clone().jpeg({ progressive: true }), image.clone().webp({ effort: 0 })]) {
      await expect(inspectImage(await held.toBuffer())).rejects.toMatchObject({ code: 'too_many_pixels' });
    }
  });
});
