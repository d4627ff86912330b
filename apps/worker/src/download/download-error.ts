import { PrivateAddressError } from '@darkroom/net';

/**
 * - `not_found`: 404 or 410: the provider no longer has the file
 * - `http_error`: any other answer but 200; `status` tells which
 * - `too_large`: more bytes than we take
 * - `timeout`: of the connection, between bytes, or of the whole
 * - `network`: no answer: name, connection, TLS, or a reset before the headers
 * - `truncated`: the body ended before its end
 * - `private_address`: the URL, or a redirect, leads to an address that is not public
 * - `invalid_url`: the URL, or that of a redirect, is none that may be fetched: its scheme, or credentials in it
 */
export type DownloadErrorCode =
  'not_found' | 'http_error' | 'too_large' | 'timeout' | 'network' | 'truncated' | 'private_address' | 'invalid_url';

const RETRYABLE: readonly DownloadErrorCode[] = ['timeout', 'network', 'truncated'];
/** Codes of undici's errors: https://github.com/nodejs/undici/blob/main/docs/docs/api/Errors.md */
const TIMEOUTS = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'];

export class DownloadError extends Error {
  override readonly name = 'DownloadError';
  readonly code: DownloadErrorCode;
  /** True when the same download can succeed later. */
  readonly retryable: boolean;
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined;

  constructor(
    code: DownloadErrorCode,
    message: string,
    options: { status?: number; retryable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.includes(code);
    this.status = options.status;
  }

  /** A transport's error as a timeout, or as `code` when it is none. */
  static of(error: unknown, code: 'network' | 'truncated', message: string): DownloadError {
    if (error instanceof DownloadError) return error;
    if (error instanceof PrivateAddressError) return new DownloadError('private_address', error.message);
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).name;
    return new DownloadError(TIMEOUTS.includes(reason) ? 'timeout' : code, `${message} (${reason})`, { cause: error });
  }
}
