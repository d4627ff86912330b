import { encode } from 'blurhash';
import sharp, { type Sharp } from 'sharp';

/** 4 by 3 components. https://blurha.sh */
const BLURHASH = { componentsX: 4, componentsY: 3, side: 32 };

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** An image in memory: sRGB, eight bits a channel, row by row. */
export interface Pixels extends Size {
  readonly data: Buffer;
  readonly channels: 3 | 4;
}

/** As large as fits into a square of that side, at least one pixel each way; not enlarged unless that is said. */
export function sizeWithin(side: number, { width, height }: Size, enlarge = false): Size {
  const scale = side / Math.max(width, height);
  if (scale >= 1 && !enlarge) return { width, height };
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** What sharp makes of an image at this size. */
export async function pixelsOf(image: Sharp, size: Size): Promise<Pixels> {
  const { data, info } = await image
    .resize(size.width, size.height, { fit: 'fill' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels as 3 | 4 };
}

export function sharpOf({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

export async function blurhashOf(pixels: Pixels): Promise<string> {
  const { side, componentsX, componentsY } = BLURHASH;
  const small = await pixelsOf(sharpOf(pixels).ensureAlpha(), sizeWithin(side, pixels));
  return encode(new Uint8ClampedArray(small.data), small.width, small.height, componentsX, componentsY);
}
