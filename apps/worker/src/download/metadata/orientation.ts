/** How an image is to be turned for viewing, as EXIF counts it: 1 to 8, 1 for not at all. */
export type Orientation = number;

/** Whether a viewer has to be told. */
export function isTurned(orientation: Orientation): boolean {
  return orientation > 1 && orientation <= 8;
}

/** EXIF that says how the image is to be turned, and nothing else: a TIFF of one entry (CIPA DC-008, tag 0x0112). */
export function orientationExif(orientation: Orientation): Buffer {
  // Little-endian; the directory begins after these 8 bytes, and has one entry.
  const exif = Buffer.from('49492a0008000000010012010300010000000000000000000000', 'hex');
  exif.writeUInt16LE(orientation, 18);
  return exif;
}
