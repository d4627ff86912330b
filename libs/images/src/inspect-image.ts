import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import sharp, { type Metadata } from 'sharp';

/** What an image may be that comes from outside. */
export const RASTER_FORMATS = ['png', 'jpeg', 'webp'] as const;
export type RasterFormat = (typeof RASTER_FORMATS)[number];

/** Most bytes of an image that somebody else gives us. */
export const SOURCE_MAX_BYTES = 10_000_000;

/**
 * Most pixels of one. Those that a decoder has to hold as a whole take up to six bytes for each while they are decoded
 * (a progressive JPEG), the others next to nothing.
 */
export const SOURCE_MAX_PIXELS = { streamed: 40_000_000, held: 16_000_000 };

export interface InspectedImage {
  readonly format: RasterFormat;
  readonly contentType: `image/${RasterFormat}`;
  /** Pixels as a viewer shows them: after the rotation that the EXIF orientation asks for. */
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
}

/**
 * - `not_an_image`: none of {@link RASTER_FORMATS}, whatever its name or its content type says
 * - `corrupt`: begins as an image, and cannot be decoded to its end
 * - `too_many_pixels`, `too_large`: would take too much memory
 */
export type InvalidImageCode = 'not_an_image' | 'corrupt' | 'too_many_pixels' | 'too_large';

/** Its message is for whoever gave the image: "is …". */
export class InvalidImageError extends Error {
  override readonly name = 'InvalidImageError';

  constructor(
    readonly code: InvalidImageCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One image at a time in this process: the bound of the memory that decoding takes. */
const decoding = pLimit(1);

/** Decoders are made to shrink while they read: next to nothing of the image is kept. Pixels. */
const KEPT_SIDE = 16;

/**
 * For a process that decodes nothing else: what comes from outside must not reach a decoder that we
 * have no use for (SVG, PDF, TIFF, …). No image comes twice, so that what libvips keeps of the last ones is of no use.
 */
export function allowRasterFormatsOnly(): void {
  sharp.cache(false);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadWebpBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer'],
  });
}

/**
 * Finds out what an image is, from its bytes, and decodes all of it to see that it is sound.
 * @throws InvalidImageError
 */
export function inspectImage(content: Uint8Array): Promise<InspectedImage> {
  return decoding(async () => {
    const { image, isHeld } = await header(content);
    const { width, height } = image;
    const most = isHeld ? SOURCE_MAX_PIXELS.held : SOURCE_MAX_PIXELS.streamed;
    if (width * height > most) {
      const message = `has ${width} by ${height} pixels: more than ${most} are not taken of this kind`;
      throw new InvalidImageError('too_many_pixels', message);
    }
    await decode(content, most);
    return image;
  });
}

/**
 * What the first bytes of an image tell, of one that was believed before.
 * @throws InvalidImageError
 */
export async function readHeader(content: Uint8Array): Promise<InspectedImage> {
  return (await header(content)).image;
}

/** `isHeld`: whether a decoder needs all of the image at once. */
async function header(content: Uint8Array): Promise<{ readonly image: InspectedImage; readonly isHeld: boolean }> {
  const { format, autoOrient, isProgressive } = await headerOf(content);
  const { width, height } = autoOrient;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const image = { format, contentType: `image/${format}`, width, height, bytes: content.byteLength, sha256 } as const;
  return { image, isHeld: isProgressive === true || format === 'webp' };
}

/**
 * What an image says of itself, if it is one of {@link RASTER_FORMATS}. Decodes no pixels.
 * @throws InvalidImageError `corrupt` or `not_an_image`
 */
export async function headerOf(content: Uint8Array): Promise<Metadata & { readonly format: RasterFormat }> {
  let metadata: Metadata;
  try {
    // Only the header is decoded here: sharp's own limit is off, since whoever decodes the rest has limits of their own.
    metadata = await sharp(content, { limitInputPixels: false }).metadata();
  } catch (error) {
    if (beginsAsImage(content)) throw new InvalidImageError('corrupt', 'is damaged', { cause: error });
    throw new InvalidImageError('not_an_image', `is not ${WANTED}`, { cause: error });
  }
  const format = RASTER_FORMATS.find((taken) => taken === metadata.format);
  if (!format) throw new InvalidImageError('not_an_image', `is ${metadata.format} and not ${WANTED}`);
  return { ...metadata, format };
}

const WANTED = 'a PNG, JPEG or WebP image';

async function decode(content: Uint8Array, maxPixels: number): Promise<void> {
  try {
    // `error`: a cut or damaged stream fails; a mere warning, such as an odd colour profile, does not.
    await sharp(content, { limitInputPixels: maxPixels, failOn: 'error' })
      .resize(KEPT_SIDE, KEPT_SIDE, { fit: 'inside' })
      .raw()
      .toBuffer();
  } catch (error) {
    throw new InvalidImageError('corrupt', 'is damaged or incomplete', { cause: error });
  }
}

/** Signatures: PNG (RFC 2083), JPEG (ITU-T T.81, SOI), WebP (RIFF container). */
function beginsAsImage(content: Uint8Array): boolean {
  const text = Buffer.from(content.subarray(0, 12)).toString('latin1');
  return text.startsWith('\x89PNG') || text.startsWith('\xff\xd8\xff') || /^RIFF.{4}WEBP/s.test(text);
}
