import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isBlurhashValid } from 'blurhash';
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { blackPng, pngChunk, withPngChunks } from '../../test/images/png.js';
import { allowRasterFormatsOnly } from '@darkroom/images';
import { processImage, type ProcessedImage } from './process-image.js';
import { drawSvg } from './svg/draw-svg.js';

const OPEN = '<svg xmlns="http://www.w3.org/2000/svg"';
const STRIPPED = { keepMetadata: false };

/** Red on the left, blue on the right. */
const halves = (width: number, height: number) => {
  const blue = { create: { width: width / 2, height, channels: 3, background: '#00f' } } as const;
  return sharp({ create: { width, height, channels: 3, background: '#f00' } }).composite([
    { input: blue, left: width / 2, top: 0 },
  ]);
};

/** The colour in the middle of the left or right half. */
async function colourAt(content: Buffer, side: 'left' | 'right'): Promise<'red' | 'blue' | 'other'> {
  const { data, info } = await sharp(content).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (Math.floor(info.height / 2) * info.width + Math.floor(info.width * (side === 'left' ? 0.25 : 0.75))) * 3;
  const [red = 0, , blue = 0] = data.subarray(at, at + 3);
  return red > 200 && blue < 50 ? 'red' : blue > 200 && red < 50 ? 'blue' : 'other';
}

const thumbnailSizes = ({ thumbnails }: ProcessedImage) => thumbnails.map(({ width, height }) => [width, height]);

describe('processImage', () => {
  // The restriction is the process's, and jest runs other suites in the same one.
  beforeAll(allowRasterFormatsOnly);
  afterAll(() => sharp.unblock({ operation: ['VipsForeignLoad'] }));

  it.each(['webp', 'png', 'jpeg'] as const)('measures %s and makes thumbnails of it, upright', async (format) => {
    const content = await halves(1_536, 1_024).toFormat(format).toBuffer();
    const image = await processImage(content, STRIPPED);
    expect(image).toMatchObject({
      format,
      contentType: `image/${format}`,
      width: 1_536,
      height: 1_024,
      sha256: createHash('sha256').update(image.content).digest('hex'),
    });
    expect(isBlurhashValid(image.blurhash)).toEqual({ result: true });
    expect(thumbnailSizes(image)).toEqual([
      [256, 171],
      [512, 341],
      [1_024, 683],
    ]);
    for (const thumbnail of image.thumbnails) {
      const { width, height } = thumbnail;
      expect(await sharp(thumbnail.content).metadata()).toMatchObject({ format: 'webp', width, height });
      expect([await colourAt(thumbnail.content, 'left'), await colourAt(thumbnail.content, 'right')]).toEqual([
        'red',
        'blue',
      ]);
    }
  });

  it.each([
    [1_025, 600, [256, 512, 1_024]],
    [1_024, 1_024, [256, 512]],
    [512, 300, [256]],
    [257, 1, [256]],
    [256, 256, []],
    [1, 1, []],
    [3, 4_000, [256, 512, 1_024]],
  ])('of %d by %d pixels makes only what is smaller', async (width, height, sides) => {
    const black = { create: { width, height, channels: 3, background: '#000' } } as const;
    const image = await processImage(await sharp(black).png().toBuffer(), STRIPPED);
    expect(thumbnailSizes(image).map((size) => Math.max(...size))).toEqual(sides);
    expect(isBlurhashValid(image.blurhash)).toEqual({ result: true });
  });

  it('turns what is turned: pixels as they came, thumbnails upright', async () => {
    const content = await halves(600, 400).rotate(90).jpeg().withMetadata({ orientation: 8 }).toBuffer();
    const image = await processImage(content, STRIPPED);
    expect(image).toMatchObject({ width: 600, height: 400 });
    expect(await sharp(image.content).metadata()).toMatchObject({ width: 400, height: 600, orientation: 8 });
    expect(thumbnailSizes(image)).toEqual([
      [256, 171],
      [512, 341],
    ]);
    expect(await colourAt(image.thumbnails[0]!.content, 'left')).toBe('red');
  });

  it('keeps transparency', async () => {
    const clear = { create: { width: 300, height: 300, channels: 4, background: '#f000' } } as const;
    const image = await processImage(await sharp(clear).png().toBuffer(), STRIPPED);
    const { data, info } = await sharp(image.thumbnails[0]!.content).raw().toBuffer({ resolveWithObject: true });
    expect([info.channels, data[3]]).toEqual([4, 0]);
  });

  it('strips what a generator wrote into a PNG, or keeps every byte of it', async () => {
    const plain = await halves(32, 32).png().toBuffer();
    const content = withPngChunks(plain, pngChunk('tEXt', 'parameters\0a secret prompt'));
    expect((await processImage(content, STRIPPED)).content.equals(plain)).toBe(true);
    expect((await processImage(content, { keepMetadata: true })).content.equals(content)).toBe(true);
  });

  it('refuses a bomb of 50,000 by 50,000 pixels without decoding it', async () => {
    const bomb = blackPng(50_000, 50_000);
    const begun = performance.now();
    await expect(processImage(bomb, STRIPPED)).rejects.toMatchObject({ code: 'too_many_pixels', retryable: false });
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it.each([
    ['a PNG that lies about its size', 'corrupt', lyingPng],
    ['HTML', 'not_an_image', async () => Buffer.from('<!doctype html><html><script>alert(1)</script></html>')],
    ['JSON', 'not_an_image', async () => Buffer.from('{"detail":"gone"}')],
    ['nothing', 'not_an_image', async () => Buffer.alloc(0)],
    ['an SVG that is packed', 'not_an_image', async () => Buffer.from('1f8b0800', 'hex')],
    ['a cut JPEG', 'corrupt', async () => cut(await halves(64, 64).jpeg().toBuffer())],
  ])('refuses %s', async (_name, code, content) => {
    await expect(processImage(await content(), STRIPPED)).rejects.toMatchObject({ name: 'ImageError', code });
  });

  it('stores an SVG sanitised, and draws what it looks like', async () => {
    const drawing = `${OPEN} viewBox="0 0 20 10" onload="alert(1)"><script>alert(1)</script>
      <rect width="10" height="10" fill="#f00"/><rect x="10" width="10" height="10" fill="#00f"/></svg>`;
    const image = await processImage(Buffer.from(drawing), STRIPPED);
    expect(image).toMatchObject({ format: 'svg', contentType: 'image/svg+xml', width: 20, height: 10 });
    expect(image.content.toString()).not.toMatch(/script|onload|alert/);
    expect(image.sha256).toBe(createHash('sha256').update(image.content).digest('hex'));
    expect(thumbnailSizes(image)).toEqual([
      [256, 128],
      [512, 256],
      [1_024, 512],
    ]);
    for (const { content } of image.thumbnails) {
      expect([await colourAt(content, 'left'), await colourAt(content, 'right')]).toEqual(['red', 'blue']);
    }
    expect(isBlurhashValid(image.blurhash)).toEqual({ result: true });
  });

  it('looks at the pictures within an SVG before they are drawn', async () => {
    const within = (file: Buffer) =>
      Buffer.from(
        `${OPEN} viewBox="0 0 4 4"><image width="4" height="4" href="data:image/png;base64,${file.toString('base64')}"/></svg>`,
      );
    const image = await processImage(within(await halves(8, 8).png().toBuffer()), STRIPPED);
    expect(await colourAt(image.thumbnails[0]!.content, 'left')).toBe('red');
    const bomb = processImage(within(blackPng(20_000, 20_000)), STRIPPED);
    await expect(bomb).rejects.toMatchObject({ code: 'too_many_pixels' });
    await expect(processImage(within(Buffer.from('GIF89a')), STRIPPED)).rejects.toMatchObject({ code: 'not_an_image' });
  });
});

describe('drawSvg', () => {
  const endless = () => {
    const level = (depth: number) =>
      `<g id="l${depth}">${`<use href="#l${depth - 1}" opacity="0.9" filter="url(#f)"/>`.repeat(9)}</g>`;
    return `${OPEN} width="1000" height="1000"><defs><filter id="f"><feGaussianBlur stdDeviation="99"/></filter>
      <g id="l0"><rect width="999" height="999"/></g>${[1, 2, 3, 4, 5].map(level).join('')}</defs><use href="#l5"/></svg>`;
  };

  it('ends a drawing that takes too long, with its process', async () => {
    const drawn = drawSvg(endless(), { width: 1_000, height: 1_000, timeoutMs: 1_500 });
    await expect(drawn).rejects.toMatchObject({ code: 'too_complex', retryable: false });
  });

  it('ends it when nobody wants it any more', async () => {
    const stopping = new AbortController();
    const reason = new Error('stopped');
    setTimeout(() => stopping.abort(reason), 300);
    const drawn = drawSvg(endless(), { width: 1_000, height: 1_000, signal: stopping.signal });
    await expect(drawn).rejects.toBe(reason);
  });

  it('tells what cannot be drawn', async () => {
    await expect(drawSvg('<svg', { width: 4, height: 4 })).rejects.toMatchObject({ code: 'corrupt' });
  });
});

/** Says that it has a hundred times as many rows as it has. */
async function lyingPng(): Promise<Buffer> {
  const png = blackPng(100, 10);
  const header = Buffer.from(png.subarray(16, 29));
  header.writeUInt32BE(1_000, 4);
  return Buffer.concat([png.subarray(0, 8), pngChunk('IHDR', header), png.subarray(33)]);
}

function cut(content: Buffer): Buffer {
  return content.subarray(0, Math.floor(content.length / 2));
}
