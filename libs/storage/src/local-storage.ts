import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  assertKey,
  assertRange,
  type ByteRange,
  type ImageContent,
  type ImageStorage,
  StorageError,
  type StoredImageInfo,
  watchContent,
} from './image-storage.js';

/** Holds files that are still being written. No key can name it: keys have no segment that starts with a dot. */
const INCOMING = '.incoming';
/** Far longer than any put takes: a file this old was left by a killed process. */
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/**
 * Images as files below one folder. A put writes a file aside, flushes it, and renames it into place on the same file
 * system, so a key holds a whole image or none, whatever dies when (docs/adr/0005).
 */
export class LocalStorage implements ImageStorage {
  readonly #root: string;
  readonly #incoming: string;
  #abandonedRemoved: Promise<void> | undefined;

  constructor(root: string) {
    this.#root = resolve(root);
    this.#incoming = join(this.#root, INCOMING);
  }

  async put(key: string, content: ImageContent, _info: { readonly contentType: string }): Promise<void> {
    const target = this.#path(key);
    if (content instanceof Uint8Array && (await this.#has(key, content.byteLength))) return;
    const { stream, failure } = watchContent(content instanceof Uint8Array ? chunks(content) : content);
    const incoming = join(this.#incoming, randomUUID());
    try {
      await mkdir(this.#incoming, { recursive: true });
      // Housekeeping: a put does not fail because of it.
      await (this.#abandonedRemoved ??= this.#removeAbandoned().catch(() => undefined));
      await pipeline(stream, createWriteStream(incoming, { flags: 'wx', flush: true }));
      await mkdir(dirname(target), { recursive: true });
      await rename(incoming, target);
      await this.#flushFolders(dirname(target));
    } catch (error) {
      await rm(incoming, { force: true }).catch(() => undefined);
      const ofContent = failure();
      throw ofContent ? ofContent.error : asStorageError(error);
    }
  }

  async head(key: string): Promise<StoredImageInfo | null> {
    try {
      const found = await stat(this.#path(key));
      return found.isFile() ? { bytes: found.size, lastModified: found.mtime } : null;
    } catch (error) {
      if (isAbsent(error)) return null;
      throw asStorageError(error);
    }
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const path = this.#path(key);
    if (range) assertRange(range);
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      const found = await file.stat();
      if (!found.isFile()) throw noObject(key);
      if (range && range.start >= found.size)
        throw new StorageError('invalid_range', `${key} has ${found.size} bytes: none at ${range.start}`);
      return file.createReadStream({ ...range });
    } catch (error) {
      await file?.close();
      throw isAbsent(error) ? noObject(key) : asStorageError(error);
    }
  }

  async delete(key: string): Promise<void> {
    try {
      await rm(this.#path(key), { force: true });
    } catch (error) {
      if (!isAbsent(error)) throw asStorageError(error);
    }
  }

  async signedUrl(_key: string, _expiresInSeconds: number): Promise<null> {
    return null;
  }

  /** Writes, flushes and removes a byte: that is what a full, read-only or vanished disk fails at. */
  async check(): Promise<void> {
    const probe = join(this.#incoming, randomUUID());
    try {
      await mkdir(this.#incoming, { recursive: true });
      await pipeline([Buffer.of(1)], createWriteStream(probe, { flags: 'wx', flush: true }));
      await rm(probe);
    } catch (error) {
      await rm(probe, { force: true }).catch(() => undefined);
      const { code, message } = asStorageError(error);
      throw new StorageError(code, `Image folder ${this.#root} cannot be written: ${message}`, { cause: error });
    }
  }

  /**
   * Keys name their content, so what is there need not be written again. But whoever wrote it may have died before its
   * name was durable.
   */
  async #has(key: string, bytes: number): Promise<boolean> {
    if ((await this.head(key))?.bytes !== bytes) return false;
    await this.#flushFolders(dirname(this.#path(key))).catch((error: unknown) => {
      throw asStorageError(error);
    });
    return true;
  }

  #path(key: string): string {
    assertKey(key);
    return join(this.#root, key);
  }

  /** A file's name is durable when its folder is, and that folder's when its own is, up to the root. */
  async #flushFolders(from: string): Promise<void> {
    const handle = await open(from, 'r');
    await handle.sync().finally(() => handle.close());
    if (from !== this.#root) await this.#flushFolders(dirname(from));
  }

  async #removeAbandoned(): Promise<void> {
    for (const name of await readdir(this.#incoming)) {
      const path = join(this.#incoming, name);
      const found = await stat(path).catch(() => undefined);
      if (found && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
    }
  }
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

function noObject(key: string): StorageError {
  return new StorageError('not_found', `No object ${key}`);
}

/** There is nothing under this name, or a folder, which is no object. */
function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'EISDIR', 'ERR_FS_EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function asStorageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new StorageError('full', message, { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StorageError('denied', message, { cause: error });
    default:
      return new StorageError('unavailable', message, { cause: error });
  }
}
