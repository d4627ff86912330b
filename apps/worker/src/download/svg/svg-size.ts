import { ImageError } from '../decode-image.js';

/** Pixels, whole, at least 1. */
export interface SvgSize {
  readonly width: number;
  readonly height: number;
}

/** Of a side. A drawing has no pixels; but a page that shows it makes room for as many as it names. */
const MAX_SIDE = 1_000_000;

/** The size at which a drawing asks to be shown: of its attributes in pixels, else of its view box. @throws ImageError */
export function sizeOfSvg(root: ReadonlyMap<string, string>): SvgSize {
  const [width, height] = [pixels(root.get('width')), pixels(root.get('height'))];
  const box = (root.get('viewBox') ?? '')
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const [boxWidth = Number.NaN, boxHeight = Number.NaN] = box.length === 4 ? box.slice(2) : [];
  const size = width > 0 && height > 0 ? { width, height } : { width: boxWidth, height: boxHeight };
  if (!(size.width > 0 && size.height > 0))
    throw new ImageError('corrupt', 'The SVG tells neither a size nor a view box');
  if (size.width > MAX_SIDE || size.height > MAX_SIDE)
    throw new ImageError('too_many_pixels', `An SVG of ${size.width} by ${size.height} pixels`);
  return { width: Math.max(1, Math.round(size.width)), height: Math.max(1, Math.round(size.height)) };
}

/** NaN for other units, which depend on where it is shown. */
function pixels(length: string | undefined): number {
  const number = /^\s*(\d*\.?\d+(?:e[+-]?\d+)?)\s*(?:px)?\s*$/i.exec(length ?? '')?.[1];
  return Number(number);
}
