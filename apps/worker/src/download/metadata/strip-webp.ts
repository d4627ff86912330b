import { ImageError } from '../decode-image.js';
import { isTurned, orientationExif, type Orientation } from './orientation.js';

/** `RIFF`, the size of what follows, `WEBP`. */
const HEADER_BYTES = 12;
/** Name and size of a chunk. */
const FRAME_BYTES = 8;

/** Pixels, transparency, animation and colour profile: https://developers.google.com/speed/webp/docs/riff_container */
const KEPT = new Set(['VP8 ', 'VP8L', 'VP8X', 'ALPH', 'ANIM', 'ANMF', 'ICCP']);
/** Of the chunk VP8X. */
const [EXIF_FLAG, XMP_FLAG] = [0b1000, 0b0100];

/** A WebP without EXIF, XMP and chunks that are unknown, and without what follows its end. The pixels are copied. */
export function stripWebp(content: Buffer, orientation: Orientation): Buffer {
  const end = content.length < HEADER_BYTES ? Number.NaN : FRAME_BYTES + content.readUInt32LE(4);
  if (!(end <= content.length)) throw new ImageError('corrupt', 'The WebP ends after the file');
  const turned = isTurned(orientation);
  const parts: Buffer[] = [Buffer.from(content.subarray(0, HEADER_BYTES))];
  for (let at = HEADER_BYTES; at + FRAME_BYTES <= end;) {
    const name = content.toString('latin1', at, at + 4);
    const next = at + FRAME_BYTES + content.readUInt32LE(at + 4);
    if (next > end) throw new ImageError('corrupt', 'A chunk of the WebP ends after the file');
    if (KEPT.has(name)) {
      const data = Buffer.from(content.subarray(at + FRAME_BYTES, next));
      if (name === 'VP8X') data[0] = (data[0]! & ~(EXIF_FLAG | XMP_FLAG)) | (turned ? EXIF_FLAG : 0);
      parts.push(chunk(name, data));
    }
    at = next + (next % 2);
  }
  if (turned) parts.push(chunk('EXIF', orientationExif(orientation)));
  const stripped = Buffer.concat(parts);
  stripped.writeUInt32LE(stripped.length - FRAME_BYTES, 4);
  return stripped;
}

/** Chunks have an even length: an odd one is followed by a zero that does not count. */
function chunk(name: string, data: Buffer): Buffer {
  const framed = Buffer.alloc(FRAME_BYTES + data.length + (data.length % 2));
  framed.write(name, 0, 'latin1');
  framed.writeUInt32LE(data.length, 4);
  data.copy(framed, FRAME_BYTES);
  return framed;
}
