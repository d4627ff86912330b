import { assertPublicHost, PrivateAddressError, publicLookup, type ResolveAll } from '@darkroom/net';
import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, request } from 'undici';
import { DownloadError } from './download-error.js';

export interface FetchOptions {
  /** Largest body that is accepted. Default 50 MB. */
  readonly maxBytes?: number;
  /** For the whole of it, redirects included. Default 2 minutes. */
  readonly totalTimeoutMs?: number;
  /** Without a byte. Default 20 s. */
  readonly idleTimeoutMs?: number;
  /** For name, connection and TLS of one hop. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Default 5. */
  readonly maxRedirects?: number;
  /**
   * Whether this hop may lead to a private or loopback address (a simulator's, in development). Asked anew for every
   * redirect. Default: never.
   */
  readonly allowPrivate?: (url: URL) => boolean;
  /** Whether every hop must be https. Default: http will do. */
  readonly secureOnly?: boolean;
  /** How names are resolved where private addresses are not allowed. Default: as the system does it. */
  readonly resolve?: ResolveAll;
  /** The Authorization header for this hop, if it may have one. Asked anew for every redirect, so that none leaks. */
  readonly authorizationFor?: (url: URL) => string | undefined;
  /** Told of the share (0–1) that has come, where the server says how much there is, and of the end. */
  readonly onProgress?: (share: number) => void;
  /** When it aborts, the fetch rejects with the signal's own reason. */
  readonly signal?: AbortSignal;
}

export interface FetchedImage {
  readonly content: Buffer;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Client errors (RFC 9110, 6585, 8470) after which the same request may succeed. */
const PASSING_CLIENT_ERRORS = new Set([408, 425, 429]);
const DISCARD_LIMIT_BYTES = 16_384;

/**
 * Downloads what a provider says is an image, whole or not at all, into memory (the bound on memory is `maxBytes` times
 * the number of concurrent downloads). The server is not trusted: not its address, its redirects, its length, its pace
 * or its content type. Throws {@link DownloadError}.
 */
export async function fetchImage(url: string, options: FetchOptions = {}): Promise<FetchedImage> {
  const { totalTimeoutMs = 120_000, maxRedirects = 5 } = options;
  const deadline = AbortSignal.timeout(totalTimeoutMs);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  try {
    let hop: FetchedImage | URL = parse(url, options);
    for (let hops = 0; hop instanceof URL && hops <= maxRedirects; hops++) hop = await visit(hop, signal, options);
    if (!(hop instanceof URL)) return hop;
    throw new DownloadError('http_error', `More than ${maxRedirects} redirects`, { retryable: false });
  } catch (error) {
    options.signal?.throwIfAborted();
    if (deadline.aborted) throw new DownloadError('timeout', `Not done within ${totalTimeoutMs} ms`, { cause: error });
    throw error instanceof PrivateAddressError ? DownloadError.of(error, 'network', '') : error;
  }
}

function parse(text: string, { secureOnly = false }: FetchOptions, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  const schemes = secureOnly ? ['https:'] : ['http:', 'https:'];
  if (!url || !schemes.includes(url.protocol) || url.username || url.password)
    throw new DownloadError('invalid_url', `Not an ${secureOnly ? 'https' : 'http or https'} URL without credentials`);
  return url;
}

/** The image, or where to look next. */
async function visit(url: URL, signal: AbortSignal, options: FetchOptions): Promise<FetchedImage | URL> {
  const { idleTimeoutMs = 20_000, connectTimeoutMs = 10_000, maxBytes = 50_000_000 } = options;
  const guarded = !options.allowPrivate?.(url);
  // A literal address is connected to without a lookup.
  if (guarded) assertPublicHost(url.hostname);
  const dispatcher = new Agent({
    headersTimeout: idleTimeoutMs,
    bodyTimeout: idleTimeoutMs,
    connect: { timeout: connectTimeoutMs, ...(guarded && { lookup: publicLookup(options.resolve) }) },
  });
  const authorization = options.authorizationFor?.(url);
  const headers = { accept: 'image/*', 'accept-encoding': 'identity', ...(authorization && { authorization }) };
  try {
    const response = await request(url, { dispatcher, signal, headers }).catch((error: unknown) => {
      throw DownloadError.of(error, 'network', `No answer from ${url.host}`);
    });
    const location = redirectOf(response);
    if (location === undefined) return await receive(response, maxBytes, signal, options.onProgress);
    await discard(response);
    return parse(location, options, url);
  } finally {
    await dispatcher.destroy();
  }
}

function redirectOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  return REDIRECTS.has(statusCode) && typeof headers.location === 'string' ? headers.location : undefined;
}

async function receive(
  response: Dispatcher.ResponseData,
  maxBytes: number,
  signal: AbortSignal,
  onProgress: FetchOptions['onProgress'],
): Promise<FetchedImage> {
  const { statusCode: status, body } = response;
  if (status !== 200) {
    await discard(response);
    if (status === 404 || status === 410) throw new DownloadError('not_found', `Answered ${status}`, { status });
    const retryable = status >= 500 || PASSING_CLIENT_ERRORS.has(status);
    throw new DownloadError('http_error', `Answered ${status}`, { status, retryable });
  }
  const announced = Number(response.headers['content-length'] ?? Number.NaN);
  if (announced > maxBytes) {
    await discard(response);
    throw new DownloadError('too_large', `${announced} bytes announced, at most ${maxBytes} taken`);
  }
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > maxBytes) throw new DownloadError('too_large', `More than ${maxBytes} bytes`);
      hash.update(part);
      parts.push(part);
      if (announced > 0) onProgress?.(Math.min(1, bytes / announced));
    }
  } catch (error) {
    signal.throwIfAborted();
    throw DownloadError.of(error, 'truncated', `Ended after ${bytes} bytes${announced ? ` of ${announced}` : ''}`);
  }
  if (announced >= 0 && announced !== bytes)
    throw new DownloadError('truncated', `Ended after ${bytes} bytes of ${announced}`);
  onProgress?.(1);
  return { content: Buffer.concat(parts), bytes, sha256: hash.digest('hex') };
}

/** Ends a response whose body is of no interest; reads no more than a little of it. */
async function discard({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: DISCARD_LIMIT_BYTES });
}
