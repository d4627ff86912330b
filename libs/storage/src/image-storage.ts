import type { Readable } from 'node:stream';

/** Bytes `start` to `end` of an image, 0-based, both inclusive, as in HTTP's Range. An `end` past the last byte is cut. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredImageInfo {
  readonly bytes: number;
  readonly lastModified: Date;
}

/** What to store: bytes in memory, or a stream (a file: `createReadStream(path)`), which is never held whole. */
export type ImageContent = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Where images are kept. Keys come from {@link imageKey} and name their content, so an object never changes once it is
 * there. Every failure is a {@link StorageError}, but for an error of a given stream itself, which passes unchanged.
 */
export interface ImageStorage {
  /**
   * Stores the content under the key, all or nothing: when it resolves the bytes are durable, and until then (or after a
   * crash) a reader sees nothing, or the object that was there before. Repeating it is harmless: since a key names its
   * content, bytes in memory need not be written again where there are as many already.
   */
  put(key: string, content: ImageContent, info: { readonly contentType: string }): Promise<void>;
  /** Null when there is no such object. */
  head(key: string): Promise<StoredImageInfo | null>;
  /**
   * Throws `not_found`, and `invalid_range` when the range starts past the end. The caller consumes or destroys the
   * stream; one that is cut on its way ends with an error, never as if it were whole.
   */
  read(key: string, range?: ByteRange): Promise<Readable>;
  /** Idempotent. */
  delete(key: string): Promise<void>;
  /** A link that lets anyone GET the object for that long; null where the storage cannot make one (local files). */
  signedUrl(key: string, expiresInSeconds: number): Promise<string | null>;
  /** Resolves when the storage can be used now; else throws an error whose message tells an operator what is wrong. */
  check(signal?: AbortSignal): Promise<void>;
}

/**
 * - `not_found`: no object under this key
 * - `invalid_key`, `invalid_range`, `invalid_url`: the caller's mistake; repeating cannot help
 * - `full`: no space (or quota, or file size) is left
 * - `denied`: permissions or credentials do not allow it
 * - `unavailable`: anything else that stands between us and the storage
 */
export type StorageErrorCode =
  'not_found' | 'invalid_key' | 'invalid_range' | 'invalid_url' | 'full' | 'denied' | 'unavailable';

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;

  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** True when the same call can succeed later, perhaps after an operator has acted. */
  get retryable(): boolean {
    return this.code === 'full' || this.code === 'denied' || this.code === 'unavailable';
  }
}

const SEGMENT = '[A-Za-z0-9][A-Za-z0-9._-]{0,199}';
const KEY = new RegExp(`^${SEGMENT}(/${SEGMENT}){0,9}$`);

/** Refuses anything but plain relative names: no empty or dot segment, so that no key can leave the storage's root. */
export function assertKey(key: string): void {
  if (!KEY.test(key)) throw new StorageError('invalid_key', `Not a storage key: ${JSON.stringify(key.slice(0, 200))}`);
}

export function assertRange({ start, end }: ByteRange): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start)
    throw new StorageError('invalid_range', `Not a byte range: ${start} to ${end}`);
}

/** A stream over the content, and the error with which the content itself failed, to be told from the storage's own. */
export function watchContent(content: AsyncIterable<Uint8Array>): {
  stream: AsyncGenerator<Uint8Array>;
  failure: () => { error: unknown } | undefined;
} {
  let failure: { error: unknown } | undefined;
  async function* watched(): AsyncGenerator<Uint8Array> {
    try {
      yield* content;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  return { stream: watched(), failure: () => failure };
}
