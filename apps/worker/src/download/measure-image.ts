import { encode } from 'blurhash';
import { createHash } from 'node:crypto';
import sharp, { type Metadata } from 'sharp';

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
  /** Width times height. Default 100 million: four bytes each when decoded. */
  readonly maxPixels?: number;
}

/**
 * - `not_an_image`: none of the formats that we take, whatever the server called it (an error page, for instance)
 * - `corrupt`: begins as an image, and cannot be decoded to its end
 * - `too_many_pixels`: would take too much memory to decode
 */
export type ImageErrorCode = 'not_an_image' | 'corrupt' | 'too_many_pixels';

export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True when downloading again can give other bytes: an error page or a damaged file may be a passing fault. */
  get retryable(): boolean {
    return this.code !== 'too_many_pixels';
  }
}

const FORMATS: readonly string[] = ['webp', 'png', 'jpeg'] satisfies ImageFormat[];
const BLURHASH = { componentsX: 4, componentsY: 3, side: 32 };

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
  const maxPixels = limits.maxPixels ?? 100_000_000;
  const { format, width, height } = await readHeader(content, maxPixels);
  return {
    format,
    contentType: `image/${format}`,
    width,
    height,
    bytes: content.byteLength,
    sha256: createHash('sha256').update(content).digest('hex'),
    blurhash: await decode(content, maxPixels),
  };
}

async function readHeader(
  content: Uint8Array,
  maxPixels: number,
): Promise<{ format: ImageFormat; width: number; height: number }> {
  let metadata: Metadata;
  try {
    // Only the header is decoded here: sharp's own limit is off, since ours gives the clearer error.
    metadata = await sharp(content, { limitInputPixels: false }).metadata();
  } catch (error) {
    const code = beginsAsImage(content) ? 'corrupt' : 'not_an_image';
    throw new ImageError(code, (error as Error).message, { cause: error });
  }
  if (!isFormat(metadata.format)) throw new ImageError('not_an_image', `The format ${metadata.format} is not taken`);
  const { width, height } = metadata.autoOrient;
  if (width * height > maxPixels)
    throw new ImageError('too_many_pixels', `${width} by ${height} pixels, at most ${maxPixels} taken`);
  return { format: metadata.format, width, height };
}

/** Reads every pixel once, at the price of a small thumbnail, whose blurhash it answers. */
async function decode(content: Uint8Array, maxPixels: number): Promise<string> {
  try {
    // `error`: a cut or damaged stream fails; a warning, such as an odd colour profile, does not cost a paid image.
    const { data, info } = await sharp(content, { limitInputPixels: maxPixels, failOn: 'error' })
      .autoOrient()
      .resize(BLURHASH.side, BLURHASH.side, { fit: 'inside' })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8ClampedArray(data);
    return encode(pixels, info.width, info.height, BLURHASH.componentsX, BLURHASH.componentsY);
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
