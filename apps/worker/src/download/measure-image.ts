import { createHash } from 'node:crypto';
import sharp, { type Metadata } from 'sharp';
import { blurhashOf, pixelsOf, sizeWithin, type Pixels, type Size } from './pixels.js';

export type ImageFormat = 'webp' | 'png' | 'jpeg';

export interface MeasuredImage {
  readonly format: ImageFormat;
  readonly contentType: `image/${ImageFormat}`;
  /** Pixels as a viewer shows them: after the rotation that the EXIF orientation asks for. */
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
  /** 4 by 3 components. https://blurha.sh */
  readonly blurhash: string;
}

export interface MeasureLimits {
  /** Width times height. Default 100 million. */
  readonly maxPixels?: number;
}

/**
 * - `not_an_image`: none of the formats that we take, whatever the server called it (an error page, for instance)
 * - `corrupt`: begins as an image, and cannot be decoded to its end
 * - `too_many_pixels`: would take too much memory to decode
 * - `too_complex`: a drawing that would take too much memory or time to read or to draw
 */
export type ImageErrorCode = 'not_an_image' | 'corrupt' | 'too_many_pixels' | 'too_complex';

export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True when downloading again can give other bytes: an error page or a damaged file may be a passing fault. */
  get retryable(): boolean {
    return this.code === 'not_an_image' || this.code === 'corrupt';
  }
}

const MAX_PIXELS = 100_000_000;
/** Of {@link ImageHeader.heldBytes}: what a worker can hold beside itself in 400 MB. */
const MAX_HELD_BYTES = 200_000_000;
const FORMATS: readonly string[] = ['webp', 'png', 'jpeg'] satisfies ImageFormat[];
/** Enough for what is made of it. */
const SMALL_SIDE = 64;

/**
 * For the whole process: what comes from outside must not reach a decoder that we have no use for (SVG, PDF, TIFF, ...).
 * Fewer to attack; {@link measureImage} refuses their formats all the same. And no image comes twice: what libvips keeps
 * of the last ones (50 MB) is of no use.
 */
export function restrictDecoders(): void {
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadWebpBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer'],
  });
}

/** Decodes the whole image to find out what it is, how large, and that it is sound. Throws {@link ImageError}. */
export async function measureImage(content: Uint8Array, limits: MeasureLimits = {}): Promise<MeasuredImage> {
  const header = await readHeader(content, limits);
  const small = await decodeImage(content, sizeWithin(SMALL_SIDE, header));
  return {
    format: header.format,
    contentType: `image/${header.format}`,
    width: header.width,
    height: header.height,
    bytes: content.byteLength,
    sha256: createHash('sha256').update(content).digest('hex'),
    blurhash: await blurhashOf(small),
  };
}

/** What an image says of itself. */
export interface ImageHeader extends Size {
  readonly format: ImageFormat;
  /** As EXIF counts it: 1 to 8. */
  readonly orientation: number;
  /**
   * What its decoder has to hold at once. 0 for what is decoded row by row, whatever its size; what comes in passes
   * (interlaced PNG, progressive JPEG with its coefficients) is held as a whole.
   */
  readonly heldBytes: number;
}

/** Decodes no pixels: a file that lies about itself is found out by {@link decodeImage}. Throws {@link ImageError}. */
export async function readHeader(
  content: Uint8Array,
  { maxPixels = MAX_PIXELS }: MeasureLimits = {},
): Promise<ImageHeader> {
  let metadata: Metadata;
  try {
    // Only the header is decoded here: sharp's own limit is off, since ours gives the clearer error.
    metadata = await sharp(content, { limitInputPixels: false }).metadata();
  } catch (error) {
    const code = beginsAsImage(content) ? 'corrupt' : 'not_an_image';
    throw new ImageError(code, (error as Error).message, { cause: error });
  }
  const { format, orientation = 1, channels, depth, isProgressive } = metadata;
  if (!isFormat(format)) throw new ImageError('not_an_image', `The format ${format} is not taken`);
  const { width, height } = metadata.autoOrient;
  if (width * height > maxPixels)
    throw new ImageError('too_many_pixels', `${width} by ${height} pixels, at most ${maxPixels} taken`);
  const sampleBytes = format === 'jpeg' || depth === 'ushort' ? 2 : 1;
  const heldBytes = isProgressive ? width * height * channels * sampleBytes : 0;
  if (heldBytes > MAX_HELD_BYTES)
    throw new ImageError(
      'too_many_pixels',
      `${width} by ${height} pixels in passes: they would take ${heldBytes} bytes`,
    );
  return { format, width, height, orientation, heldBytes };
}

/**
 * Reads every pixel once, and brings it to a size, upright. The header must have been read, and its size found bearable.
 * @throws ImageError `corrupt`
 */
export async function decodeImage(content: Uint8Array, size: Size): Promise<Pixels> {
  try {
    // `error`: a cut or damaged stream fails; a warning, such as an odd colour profile, does not cost a paid image.
    const options = { limitInputPixels: false, failOn: 'error', sequentialRead: true } as const;
    return await pixelsOf(sharp(content, options).autoOrient(), size);
  } catch (error) {
    throw new ImageError('corrupt', (error as Error).message, { cause: error });
  }
}

function isFormat(format: string): format is ImageFormat {
  return FORMATS.includes(format);
}

/** Signatures: PNG (RFC 2083), JPEG (ITU-T T.81, SOI), WebP (RIFF container). */
function beginsAsImage(content: Uint8Array): boolean {
  const text = Buffer.from(content.subarray(0, 12)).toString('latin1');
  return text.startsWith('\x89PNG') || text.startsWith('\xff\xd8\xff') || /^RIFF.{4}WEBP/s.test(text);
}
