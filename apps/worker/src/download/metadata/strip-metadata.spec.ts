import { describe, expect, it } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import { pngChunk, pngChunks, withPngChunks } from '../../../test/images/png.js';
import type { RasterFormat } from '@darkroom/images';
import { stripMetadata } from './strip-metadata.js';

const SECRET = 'a prompt that nobody else is to see';
const EXIF = { IFD0: { ImageDescription: SECRET, Make: 'a camera' } };
const XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="${SECRET}"/></rdf:RDF></x:xmpmeta>`;

/** Half red, half blue, with a colour profile: upright and sideways are told apart. */
function picture(): Sharp {
  const red = { r: 250, g: 10, b: 20 };
  const right = { create: { width: 16, height: 24, channels: 3, background: { r: 20, g: 10, b: 250 } } } as const;
  return sharp({ create: { width: 32, height: 24, channels: 3, background: red } })
    .composite([{ input: right, left: 16, top: 0 }])
    .withIccProfile('p3');
}

async function encoded(format: RasterFormat, orientation?: number): Promise<Buffer> {
  const full = picture().withExif(EXIF).withXmp(XMP);
  return (orientation === undefined ? full : full.withMetadata({ orientation, exif: EXIF }).withXmp(XMP))
    .toFormat(format, format === 'jpeg' ? { chromaSubsampling: '4:4:4' } : {})
    .toBuffer();
}

const pixels = (content: Buffer) => sharp(content).autoOrient().raw().toBuffer();
const formats = ['png', 'jpeg', 'webp'] as const;

describe('stripMetadata', () => {
  it.each(formats)(
    'leaves nothing of EXIF and XMP in %s, and every pixel and the colours as they were',
    async (format) => {
      const content = await encoded(format);
      expect(await sharp(content).metadata()).toMatchObject({ exif: expect.any(Buffer), xmp: expect.any(Buffer) });
      expect(content.includes(SECRET)).toBe(true);

      const stripped = stripMetadata(content, format, 1);
      const metadata = await sharp(stripped).metadata();
      expect([metadata.exif, metadata.xmp, metadata.iptc]).toEqual([undefined, undefined, undefined]);
      expect(metadata.icc?.equals((await sharp(content).metadata()).icc!)).toBe(true);
      expect(stripped.includes(SECRET)).toBe(false);
      expect((await pixels(stripped)).equals(await pixels(content))).toBe(true);
      expect(stripMetadata(stripped, format, 1).equals(stripped)).toBe(true);
    },
  );

  it.each(formats.flatMap((format) => [2, 3, 6, 8].map((orientation) => [format, orientation] as const)))(
    'keeps the way that %s is turned (%d), and nothing else of EXIF',
    async (format, orientation) => {
      const content = await encoded(format, orientation);
      expect((await sharp(content).metadata()).orientation).toBe(orientation);
      const stripped = stripMetadata(content, format, orientation);
      const metadata = await sharp(stripped).metadata();
      expect(metadata.orientation).toBe(orientation);
      expect(stripped.includes(SECRET)).toBe(false);
      expect(stripped.includes('a camera')).toBe(false);
      expect((await pixels(stripped)).equals(await pixels(content))).toBe(true);
    },
  );

  it.each(formats)('leaves %s in which there is nothing to leave out as it is', async (format) => {
    const content = await picture().toFormat(format).toBuffer();
    expect(stripMetadata(content, format, 1).equals(content)).toBe(true);
  });

  it.each(formats)('drops what follows the end of %s', async (format) => {
    const content = await picture().toFormat(format).toBuffer();
    const followed = Buffer.concat([content, Buffer.from(SECRET)]);
    const stripped = stripMetadata(followed, format, 1);
    expect(stripped.includes(SECRET)).toBe(false);
    expect((await pixels(stripped)).equals(await pixels(content))).toBe(true);
  });

  it.each(formats)('tells %s that is cut, wherever', async (format) => {
    const content = await encoded(format, 6);
    for (let length = 12; length < content.length; length += 7) {
      const cut = content.subarray(0, length);
      expect(() => stripMetadata(cut, format, 6)).toThrow(expect.objectContaining({ code: 'corrupt' }));
    }
  });
});

describe('stripMetadata of PNG', () => {
  it('keeps the chunks that colours, transparency and density depend on, and no text, time or anything unknown', async () => {
    const plain = await sharp({ create: { width: 8, height: 8, channels: 4, background: '#1234' } })
      .png({ palette: true })
      .toBuffer();
    const kept = [pngChunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f])), pngChunk('pHYs', Buffer.alloc(9, 1))];
    const dropped = [
      pngChunk('tEXt', `parameters\0${SECRET}`),
      pngChunk('iTXt', `workflow\0\0\0\0\0${SECRET}`),
      pngChunk('zTXt', `prompt\0\0${SECRET}`),
      pngChunk('tIME', Buffer.from([7, 234, 11, 22, 8, 0, 0])),
      pngChunk('caBX', SECRET),
      pngChunk('teSt', SECRET),
    ];
    const stripped = stripMetadata(withPngChunks(plain, ...kept, ...dropped), 'png', 1);
    const types = pngChunks(stripped).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['IHDR', 'gAMA', 'pHYs', 'PLTE', 'tRNS', 'IDAT', 'IEND']));
    for (const type of ['tEXt', 'iTXt', 'zTXt', 'tIME', 'caBX', 'teSt', 'eXIf']) expect(types).not.toContain(type);
    expect(stripped.includes(SECRET)).toBe(false);
  });
});

describe('stripMetadata of JPEG', () => {
  const segment = (marker: number, data: string) => {
    const body = Buffer.from(data, 'latin1');
    const head = Buffer.of(0xff, marker, 0, 0);
    head.writeUInt16BE(body.length + 2, 2);
    return Buffer.concat([head, body]);
  };
  const inserted = (jpeg: Buffer, ...segments: Buffer[]) =>
    Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);

  it('drops comments, IPTC, provenance, previews and bytes between segments', async () => {
    const jpeg = await picture().jpeg().toBuffer();
    const dirty = inserted(
      jpeg,
      segment(0xfe, SECRET),
      segment(0xed, `Photoshop 3.0\0${SECRET}`),
      segment(0xeb, `JP\0\x01${SECRET}`),
      segment(0xe2, `MPF\0${SECRET}`),
      segment(0xe0, `JFXX\0${SECRET}`),
      Buffer.of(0xff, 0xff, 0xff),
    );
    const stripped = stripMetadata(dirty, 'jpeg', 1);
    expect(stripped.includes(SECRET)).toBe(false);
    expect(stripped.equals(stripMetadata(jpeg, 'jpeg', 1))).toBe(true);
    expect((await pixels(stripped)).equals(await pixels(jpeg))).toBe(true);
  });

  it.each([
    ['progressive', { progressive: true }],
    ['optimised scans', { progressive: true, optimiseScans: true }],
    ['subsampled', { chromaSubsampling: '4:2:0' }],
  ])('goes through all scans: %s', async (_name, options) => {
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    const jpeg = await sharp({ create: { width: 200, height: 150, channels: 3, background: 'black', noise } })
      .jpeg(options)
      .toBuffer();
    const stripped = stripMetadata(inserted(jpeg, segment(0xfe, SECRET)), 'jpeg', 1);
    expect((await pixels(stripped)).equals(await pixels(jpeg))).toBe(true);
    expect(stripped.includes(SECRET)).toBe(false);
  });

  it('keeps the colours of CMYK, which hang on a segment of Adobe', async () => {
    const orange = { create: { width: 16, height: 16, channels: 3, background: '#f80' } } as const;
    const jpeg = await sharp(orange).toColourspace('cmyk').jpeg().toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    expect(jpeg.includes('Adobe')).toBe(true);
    const stripped = stripMetadata(jpeg, 'jpeg', 1);
    expect((await pixels(stripped)).equals(await pixels(jpeg))).toBe(true);
  });
});

describe('stripMetadata of WebP', () => {
  it.each([
    ['lossless', { lossless: true }],
    ['transparent', { alphaQuality: 80 }],
  ])('takes %s', async (_name, options) => {
    const image = sharp({ create: { width: 33, height: 21, channels: 4, background: '#a0c04080' } });
    const webp = await image.withExif(EXIF).webp(options).toBuffer();
    const stripped = stripMetadata(webp, 'webp', 1);
    expect(stripped.includes(SECRET)).toBe(false);
    expect((await pixels(stripped)).equals(await pixels(webp))).toBe(true);
    expect(stripped.readUInt32LE(4)).toBe(stripped.length - 8);
  });

  it('drops chunks that it does not know', async () => {
    const webp = await picture().webp().toBuffer();
    const unknown = Buffer.concat([Buffer.from('JUMB'), Buffer.of(SECRET.length, 0, 0, 0), Buffer.from(`${SECRET}\0`)]);
    const dirty = Buffer.concat([webp, unknown]);
    dirty.writeUInt32LE(dirty.length - 8, 4);
    expect(stripMetadata(dirty, 'webp', 1).equals(stripMetadata(webp, 'webp', 1))).toBe(true);
  });
});
