import { createHash } from 'node:crypto';
import { StorageError } from './image-storage.js';

export interface UploadIdentity {
  /** Whose it is. */
  readonly userId: string;
  /** Of the upload's bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  readonly format: 'png' | 'jpeg' | 'webp';
}

/**
 * `uploads/<owner, hashed>/<sha256>.<format>`: the same bytes are the same object however often they come, and nobody
 * finds another user's by knowing its content.
 */
export function uploadKey({ userId, sha256, format }: UploadIdentity): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new StorageError('invalid_key', `Not a SHA-256 in hex: ${sha256}`);
  const owner = createHash('sha256').update(userId).digest('hex').slice(0, 32);
  return `uploads/${owner}/${sha256}.${format}`;
}
