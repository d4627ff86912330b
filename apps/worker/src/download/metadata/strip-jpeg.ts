import { ImageError } from '../decode-image.js';
import { isTurned, orientationExif, type Orientation } from './orientation.js';

/** Markers of ITU-T T.81, table B.1. */
const [SOI, EOI, SOS, TEM, RST0, RST7, APP0, APP2, APP14, APP15, COM] = [
  0xd8, 0xd9, 0xda, 0x01, 0xd0, 0xd7, 0xe0, 0xe2, 0xee, 0xef, 0xfe,
];

/** What decoders need of the application segments: density, colour profile, and Adobe's note on the colour space. */
const KEPT_APPLICATIONS: readonly (readonly [marker: number, name: string])[] = [
  [APP0, 'JFIF\0'],
  [APP2, 'ICC_PROFILE\0'],
  [APP14, 'Adobe'],
];

/**
 * A JPEG without comments and without application segments (EXIF, XMP, IPTC, C2PA, previews) but for those that colours
 * depend on, and without what follows its end. What is between the scans is copied as it is. Bytes that belong to no
 * segment, which decoders pass over, are left out.
 */
export function stripJpeg(content: Buffer, orientation: Orientation): Buffer {
  const parts = [content.subarray(0, 2)];
  let exif = isTurned(orientation) ? exifSegment(orientation) : null;
  for (let at = 2; ;) {
    const { marker, after } = nextMarker(content, at);
    at = after;
    if (marker === SOI) throw new ImageError('corrupt', 'The JPEG begins twice');
    if (marker === TEM || (marker >= RST0 && marker <= RST7)) continue;
    // JFIF wants to be first.
    if (exif && marker !== APP0) {
      parts.push(exif);
      exif = null;
    }
    if (marker === EOI) return Buffer.concat([...parts, Buffer.of(0xff, EOI)]);
    const end = segmentEnd(content, at);
    const body = content.subarray(at, end);
    at = end;
    if (!isKept(marker, body)) continue;
    parts.push(Buffer.of(0xff, marker), body);
    if (marker === SOS) {
      at = scanEnd(content, end);
      parts.push(content.subarray(end, at));
    }
  }
}

function isKept(marker: number, body: Buffer): boolean {
  if (marker === COM) return false;
  if (marker < APP0 || marker > APP15) return true;
  // After the two bytes of the length.
  const text = body.toString('latin1', 2, 16);
  return KEPT_APPLICATIONS.some(([kept, name]) => kept === marker && text.startsWith(name));
}

/** As libjpeg looks for it: after any bytes that are no marker, and any number of fill bytes. */
function nextMarker(content: Buffer, from: number): { marker: number; after: number } {
  for (let at = from; ; at++) {
    at = content.indexOf(0xff, at);
    if (at < 0) throw new ImageError('corrupt', 'The JPEG has no end');
    while (content[at] === 0xff) at++;
    const marker = content[at];
    if (marker === undefined) throw new ImageError('corrupt', 'The JPEG has no end');
    if (marker !== 0) return { marker, after: at + 1 };
  }
}

function segmentEnd(content: Buffer, at: number): number {
  const length = at + 2 <= content.length ? content.readUInt16BE(at) : 0;
  if (length < 2 || at + length > content.length) throw new ImageError('corrupt', 'A segment of the JPEG is cut');
  return at + length;
}

/** The first marker after entropy-coded data, in which 0xFF is followed by 0, or by a restart marker. */
function scanEnd(content: Buffer, from: number): number {
  for (let at = from; ; at += 2) {
    at = content.indexOf(0xff, at);
    if (at < 0) throw new ImageError('corrupt', 'The JPEG has no end');
    const next = content[at + 1];
    if (next !== undefined && next !== 0 && !(next >= RST0 && next <= RST7)) return at;
  }
}

function exifSegment(orientation: Orientation): Buffer {
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), orientationExif(orientation)]);
  const head = Buffer.of(0xff, 0xe1, 0, 0);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}
