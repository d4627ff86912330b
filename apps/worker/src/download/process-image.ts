import type { RasterFormat } from '@darkroom/images';
import { bulkhead } from 'cockatiel';
import { createHash } from 'node:crypto';
import { decodeImage, ImageError, readHeader } from './decode-image.js';
import { stripMetadata } from './metadata/strip-metadata.js';
import { blurhashOf, sizeWithin, type Pixels, type Size } from './pixels.js';
import { drawSvg } from './svg/draw-svg.js';
import { sanitizeSvg } from './svg/sanitize-svg.js';
import { makeThumbnails, thumbnailSizes, type ThumbnailFile } from './thumbnails.js';

/** What is stored of an image that a model has made, and what is told of it. */
export interface ProcessedImage extends Size {
  readonly content: Buffer;
  /** Of the content, whatever was asked for and whatever the server called it. */
  readonly format: RasterFormat | 'svg';
  readonly contentType: `image/${RasterFormat | 'svg+xml'}`;
  /** Of the content, lower-case hex. */
  readonly sha256: string;
  readonly blurhash: string;
  /** The smallest first. */
  readonly thumbnails: readonly ThumbnailFile[];
}

export interface ProcessOptions {
  /** Leave EXIF, XMP, texts and provenance in a raster image: it is stored byte by byte as it came. */
  readonly keepMetadata: boolean;
  /** When it aborts, drawing ends with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Where the pixels come from that thumbnails and blurhash are made of. */
interface Source extends Size {
  readonly format: ProcessedImage['format'];
  readonly content: Buffer;
  /** Whether it can be drawn larger than it says. */
  readonly scalable: boolean;
  /** While it is decoded. */
  readonly heldBytes: number;
  pixels(size: Size): Promise<Pixels>;
}

/** A side for the blurhash of what has no thumbnails. */
const SMALL_SIDE = 64;
/** Bytes held while decoding: those with more wait for each other. */
const LARGE = 20_000_000;
/** Pictures within a drawing, together. */
const MAX_EMBEDDED_PIXELS = 25_000_000;

/** In the whole process. */
const oneLarge = bulkhead(1, Number.POSITIVE_INFINITY);

/**
 * Finds out what a file is, makes it fit to be kept and shown, and makes its thumbnails and its blurhash, from one
 * decoding. A raster image is not encoded again; a drawing is sanitised, and drawn in a process of its own.
 * @throws ImageError
 */
export async function processImage(content: Buffer, options: ProcessOptions): Promise<ProcessedImage> {
  const source = looksLikeXml(content) ? await drawing(content, options) : await raster(content, options);
  const sizes = thumbnailSizes(source, source.scalable);
  const work = async (): Promise<Pick<ProcessedImage, 'thumbnails' | 'blurhash'>> => {
    const pixels = await source.pixels(sizes.at(-1) ?? sizeWithin(SMALL_SIDE, source));
    const { thumbnails, smallest } = await makeThumbnails(pixels, sizes);
    return { thumbnails, blurhash: await blurhashOf(smallest) };
  };
  const made = source.heldBytes > LARGE ? await oneLarge.execute(work) : await work();
  return {
    content: source.content,
    format: source.format,
    contentType: source.format === 'svg' ? 'image/svg+xml' : `image/${source.format}`,
    width: source.width,
    height: source.height,
    sha256: createHash('sha256').update(source.content).digest('hex'),
    ...made,
  };
}

async function raster(content: Buffer, { keepMetadata }: ProcessOptions): Promise<Source> {
  const { format, orientation, width, height, heldBytes } = await readHeader(content);
  const kept = keepMetadata ? content : stripMetadata(content, format, orientation);
  return {
    format,
    width,
    height,
    content: kept,
    scalable: false,
    heldBytes,
    // What is stored is what is decoded: that stripping has broken nothing is seen here.
    pixels: (size) => decodeImage(kept, size),
  };
}

async function drawing(content: Buffer, { signal }: ProcessOptions): Promise<Source> {
  const { text, embedded, width, height, resizedTo } = sanitizeSvg(content);
  await assertBearable(embedded);
  return {
    format: 'svg',
    width,
    height,
    content: Buffer.from(text),
    scalable: true,
    heldBytes: 0,
    pixels: (size) => drawSvg(resizedTo(size.width, size.height), { ...size, signal }),
  };
}

async function assertBearable(embedded: readonly Buffer[]): Promise<void> {
  let left = MAX_EMBEDDED_PIXELS;
  for (const file of embedded) {
    const { width, height } = await readHeader(file, { maxPixels: left }).catch((error: ImageError) => {
      throw new ImageError(error.code, `A picture within the SVG: ${error.message}`, { cause: error });
    });
    left -= width * height;
  }
}

/** After a byte order mark and white space. No raster format begins like this. */
function looksLikeXml(content: Buffer): boolean {
  return /^(?:\xef\xbb\xbf)?\s*</.test(content.toString('latin1', 0, 1_000));
}
