import type { RasterFormat } from '@darkroom/images';
import type { Orientation } from './orientation.js';
import { stripJpeg } from './strip-jpeg.js';
import { stripPng } from './strip-png.js';
import { stripWebp } from './strip-webp.js';

const STRIP: Readonly<Record<RasterFormat, (content: Buffer, orientation: Orientation) => Buffer>> = {
  jpeg: stripJpeg,
  png: stripPng,
  webp: stripWebp,
};

/**
 * The image without what is told beside its pixels: camera and place, prompts and parameters of the generator, comments,
 * provenance, embedded previews. Nothing is encoded again. What a viewer needs stays: colour profile, density, animation,
 * and the orientation, as EXIF of its own when it is not 1.
 * @throws ImageError `corrupt` where the file's structure has no end
 */
export function stripMetadata(content: Buffer, format: RasterFormat, orientation: Orientation): Buffer {
  return STRIP[format](content, orientation);
}
