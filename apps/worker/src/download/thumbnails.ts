import { pixelsOf, sharpOf, sizeWithin, type Pixels, type Size } from './pixels.js';

/** Longest sides. */
export const THUMBNAIL_SIDES = [256, 512, 1024] as const;

/** A WebP. */
export interface ThumbnailFile {
  readonly width: number;
  readonly height: number;
  readonly content: Buffer;
}

/** Effort 2 takes a third less time than the default, 4, for a few per cent more bytes. */
const WEBP = { quality: 80, effort: 2, smartSubsample: false };

/** Those of an image of this size: a raster image has none that is as large as itself. The smallest first. */
export function thumbnailSizes({ width, height }: Size, scalable: boolean): Size[] {
  const sides = THUMBNAIL_SIDES.filter((side) => scalable || side < Math.max(width, height));
  return sides.map((side) => sizeWithin(side, { width, height }, scalable));
}

/**
 * Of an image that has been brought to the largest of the sizes, each of the next: whoever is shown one of them waits for
 * a few kilobytes.
 * @param sizes the smallest first
 * @returns the smallest first, and the pixels of the smallest
 */
export async function makeThumbnails(
  largest: Pixels,
  sizes: readonly Size[],
): Promise<{ thumbnails: ThumbnailFile[]; smallest: Pixels }> {
  const encoding: Promise<ThumbnailFile>[] = [];
  let smallest = largest;
  for (const size of sizes.toReversed()) {
    if (size.width !== smallest.width || size.height !== smallest.height)
      smallest = await pixelsOf(sharpOf(smallest), size);
    encoding.unshift(encode(smallest));
  }
  return { thumbnails: await Promise.all(encoding), smallest };
}

async function encode(pixels: Pixels): Promise<ThumbnailFile> {
  const { width, height } = pixels;
  return { width, height, content: await sharpOf(pixels).webp(WEBP).toBuffer() };
}
