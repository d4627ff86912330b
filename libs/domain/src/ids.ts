/** Canonical text form of a version 7 UUID (RFC 9562). */
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isUuidV7(text: string): boolean {
  return UUID_V7.test(text);
}

/**
 * A generation's id is a UUIDv7 whose last digit is 0: the other 15 values are the ids of its images, so that an image
 * is found through the log, without waiting for a projection (docs/adr/0004). Leaves 70 random bits per millisecond.
 */
export function generationIdFrom(uuidV7: string): string {
  return uuidV7.slice(0, -1) + '0';
}

export function isGenerationId(text: string): boolean {
  return isUuidV7(text) && text.endsWith('0');
}

/** Id of the image at `index` (0-based, at most 14). */
export function imageIdOf(generationId: string, index: number): string {
  if (!Number.isInteger(index) || index < 0 || index > 14) throw new RangeError(`No image id for index ${index}`);
  return generationId.slice(0, -1) + (index + 1).toString(16);
}

/** The generation that an image belongs to; null when the text is no image id. */
export function generationIdOfImage(imageId: string): string | null {
  return isUuidV7(imageId) && !imageId.endsWith('0') ? generationIdFrom(imageId) : null;
}
