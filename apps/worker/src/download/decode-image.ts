import { headerOf, type InvalidImageError, type RasterFormat } from '@darkroom/images';
import sharp from 'sharp';
import { pixelsOf, type Pixels, type Size } from './pixels.js';

export interface DecodeLimits {
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

/** What an image says of itself. */
export interface ImageHeader extends Size {
  readonly format: RasterFormat;
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
  { maxPixels = MAX_PIXELS }: DecodeLimits = {},
): Promise<ImageHeader> {
  const metadata = await headerOf(content).catch((error: InvalidImageError) => {
    throw new ImageError(error.code === 'corrupt' ? 'corrupt' : 'not_an_image', `The file ${error.message}`, {
      cause: error,
    });
  });
  const { format, orientation = 1, channels, depth, isProgressive } = metadata;
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
