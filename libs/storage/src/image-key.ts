import { isGenerationId } from '@darkroom/domain';
import { StorageError } from './image-storage.js';

export interface ImageIdentity {
  readonly generationId: string;
  /** Place among the generation's images, 0-based. */
  readonly index: number;
  /** Of the image's bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  readonly format: 'webp' | 'png' | 'jpeg' | 'svg';
}

/**
 * `images/<yyyy>/<mm>/<dd>/<generation id>/<index>-<sha256, 16 digits>.<format>`. Depends on its arguments alone: the
 * day (UTC) is the one inside the generation's id, so a download that is done twice writes the same key twice.
 */
export function imageKey(identity: ImageIdentity): string {
  return `${stem(identity)}.${identity.format}`;
}

/**
 * `…/<index>-<sha256, 16 digits>-<side>.webp`, beside the image whose thumbnail it is. The digest is of the thumbnail's
 * own bytes: what is behind a key never changes, although encoders do.
 * @param side longest, in pixels
 */
export function thumbnailKey(identity: Omit<ImageIdentity, 'format'>, side: number): string {
  if (!Number.isInteger(side) || side < 1) throw new StorageError('invalid_key', `Not a thumbnail's side: ${side}`);
  return `${stem(identity)}-${side}.webp`;
}

function stem({ generationId, index, sha256 }: Omit<ImageIdentity, 'format'>): string {
  if (!isGenerationId(generationId)) throw new StorageError('invalid_key', `Not a generation id: ${generationId}`);
  if (!Number.isInteger(index) || index < 0) throw new StorageError('invalid_key', `Not an image index: ${index}`);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new StorageError('invalid_key', `Not a SHA-256 in hex: ${sha256}`);
  const day = createdAt(generationId).toISOString().slice(0, 10).replaceAll('-', '/');
  return `images/${day}/${generationId}/${index}-${sha256.slice(0, 16)}`;
}

/** The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7). */
function createdAt(uuidV7: string): Date {
  return new Date(Number.parseInt(uuidV7.replace('-', '').slice(0, 12), 16));
}
