import { crc32 } from 'node:zlib';
import { ImageError } from '../decode-image.js';
import { isTurned, orientationExif, type Orientation } from './orientation.js';

const SIGNATURE_BYTES = 8;
/** Length, type and checksum of a chunk. */
const FRAME_BYTES = 12;

/**
 * What says how the pixels look: the critical chunks, and of the ancillary ones those of colour, transparency, density
 * and animation (PNG specification, third edition). Texts, times, EXIF, provenance and everything unknown is not here.
 */
const KEPT = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST sPLT pHYs acTL fcTL fdAT'.split(' '),
);

/** A PNG without what is not about its pixels, and without what follows its end. The pixels are copied as they are. */
export function stripPng(content: Buffer, orientation: Orientation): Buffer {
  const parts = [content.subarray(0, SIGNATURE_BYTES)];
  for (let at = SIGNATURE_BYTES, type = ''; type !== 'IEND';) {
    if (at + FRAME_BYTES > content.length) throw new ImageError('corrupt', 'The PNG has no end');
    const end = at + FRAME_BYTES + content.readUInt32BE(at);
    if (end > content.length) throw new ImageError('corrupt', 'A chunk of the PNG ends after the file');
    type = content.toString('latin1', at + 4, at + 8);
    if (KEPT.has(type)) parts.push(content.subarray(at, end));
    if (type === 'IHDR' && isTurned(orientation)) parts.push(chunk('eXIf', orientationExif(orientation)));
    at = end;
  }
  return Buffer.concat(parts);
}

function chunk(type: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(FRAME_BYTES + data.length);
  framed.writeUInt32BE(data.length, 0);
  framed.write(type, 4, 'latin1');
  data.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + data.length)), 8 + data.length);
  return framed;
}
