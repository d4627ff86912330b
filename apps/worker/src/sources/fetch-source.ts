import { STORAGE_ADDRESS } from '@darkroom/domain';
import { inspectImage, InvalidImageError, readHeader, SOURCE_MAX_BYTES, type InspectedImage } from '@darkroom/images';
import { askNameServers, pointsToPrivateNetwork, type ResolveAll } from '@darkroom/net';
import type { ImageStorage } from '@darkroom/storage';
import { DownloadError } from '../download/download-error.js';
import { fetchImage } from '../download/fetch-image.js';

/** Of what we keep: it may be an output, which is larger than what others give us. */
const STORED_MAX_BYTES = 32_000_000;

/** Milliseconds. A generation waits for its images, and holds a slot. */
const TIMES = { totalTimeoutMs: 30_000, idleTimeoutMs: 10_000, connectTimeoutMs: 5_000 };
const MAX_REDIRECTS = 3;

const RESOLVE = askNameServers();

export interface SourceOptions {
  /** Also lets them be fetched over http. For a simulator, in development. */
  readonly allowPrivateUrls: boolean;
  /** How names are resolved where private addresses are not allowed. The machine's name servers are asked when left out. */
  readonly resolve?: ResolveAll;
}

export interface SourceImage extends InspectedImage {
  readonly content: Uint8Array;
}

/**
 * The bytes behind an address of an image, decoded to be believed if it is not ours. Neither the address nor what is there is trusted.
 * @throws DownloadError, StorageError, InvalidImageError; whatever `signal` aborts with
 */
export async function fetchSource(
  address: string,
  storage: Pick<ImageStorage, 'read'>,
  options: SourceOptions,
  signal: AbortSignal,
): Promise<SourceImage> {
  if (address.startsWith(STORAGE_ADDRESS)) {
    const content = await readStored(storage, address.slice(STORAGE_ADDRESS.length), signal);
    // Decoded to be believed when it was stored.
    return { ...(await readHeader(content)), content };
  }
  const { allowPrivateUrls, resolve = RESOLVE } = options;
  // By what is written in it; what its name resolves to is looked at when it is connected to.
  if (!allowPrivateUrls && URL.canParse(address) && pointsToPrivateNetwork(address)) {
    throw new DownloadError('private_address', 'It points into a private network');
  }
  const { content } = await fetchImage(address, {
    ...TIMES,
    maxBytes: SOURCE_MAX_BYTES,
    maxRedirects: MAX_REDIRECTS,
    secureOnly: !allowPrivateUrls,
    allowPrivate: () => allowPrivateUrls,
    resolve,
    signal,
  });
  return { ...(await inspectImage(content)), content };
}

async function readStored(storage: Pick<ImageStorage, 'read'>, key: string, signal: AbortSignal): Promise<Buffer> {
  const stream = await storage.read(key);
  const parts: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop destroys the stream.
  for await (const part of stream as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    bytes += part.length;
    if (bytes > STORED_MAX_BYTES) throw new InvalidImageError('too_large', `has more than ${STORED_MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
