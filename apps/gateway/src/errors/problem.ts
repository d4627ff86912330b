import { EventStoreError } from '@darkroom/events';
import { ReadModelUnavailable } from '@darkroom/read-models';
import { StorageError } from '@darkroom/storage';
import { HttpException } from '@nestjs/common';
import type { FieldError } from '@darkroom/domain';
import { AppError, ERRORS, type ErrorCode } from './app-error.js';

/** RFC 9457, with `code` for programs, `request_id` for the operator and `errors` for the fields of a form. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly request_id: string;
  readonly errors?: readonly FieldError[];
}

/** Seconds after which a client may try again what failed because a server is away. */
const RETRY_AFTER_SECONDS = 2;

/** Media type of a {@link Problem}. */
export const PROBLEM_JSON = 'application/problem+json; charset=utf-8';

export function problemOf(error: AppError, requestId: string): Problem {
  const [status, title] = ERRORS[error.code];
  const { fields } = error.more;
  return {
    type: `urn:darkroom:error:${error.code}`,
    title,
    status,
    detail: error.detail,
    code: error.code,
    request_id: requestId,
    ...(fields && { errors: fields }),
  };
}

/** Headers that belong to an error's answer. */
export function headersOf(error: AppError): Record<string, string> {
  const retryAfter = retryAfterOf(error);
  return {
    'cache-control': 'no-store',
    ...(retryAfter !== null && { 'retry-after': String(retryAfter) }),
    ...error.more.headers,
  };
}

/** Seconds; null where trying again is no remedy. */
export function retryAfterOf({ code, more }: AppError): number | null {
  return more.retryAfterSeconds ?? (code === 'unavailable' ? RETRY_AFTER_SECONDS : null);
}

/** Anything that was thrown, as what the client may know of it. `internal` stands for whatever nobody expected. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof EventStoreError) return fromEventStore(error);
  if (error instanceof ReadModelUnavailable) {
    return new AppError('unavailable', 'Lists are not available now; requests are accepted', { cause: error });
  }
  if (error instanceof StorageError) return fromStorage(error);
  if (error instanceof HttpException) return fromHttp(error);
  return new AppError('internal', 'The error has been logged under the request id', { cause: error });
}

function fromEventStore(error: EventStoreError): AppError {
  if (error.kind === 'too_large') {
    return new AppError('payload_too_large', 'The request is too large to be stored', { cause: error });
  }
  const detail =
    error.kind === 'unknown'
      ? 'It could not be found out whether this was done: look, or repeat it with the same idempotency key'
      : 'The event log is not available';
  return new AppError('unavailable', detail, { cause: error });
}

function fromStorage(error: StorageError): AppError {
  if (error.code === 'not_found') {
    return new AppError('not_found', 'The file of this image is no longer stored', { cause: error });
  }
  if (error.retryable) return new AppError('unavailable', 'The image storage is not available', { cause: error });
  return new AppError('internal', 'The error has been logged under the request id', { cause: error });
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'validation_failed',
  429: 'rate_limited',
  503: 'unavailable',
};

/** What Nest and Fastify refuse before a controller is reached. */
function fromHttp(error: HttpException): AppError {
  const status = error.getStatus();
  if (status === 400 && isJsonError(error.cause)) {
    return new AppError('malformed_json', 'The body is not valid JSON', { cause: error });
  }
  if (status === 404) return new AppError('not_found', 'There is no such route', { cause: error });
  const code = CODE_OF_STATUS[status] ?? (status >= 500 ? 'internal' : 'bad_request');
  const detail = code === 'internal' ? 'The error has been logged under the request id' : error.message;
  return new AppError(code, detail, { cause: error });
}

function isJsonError(cause: unknown): boolean {
  if (cause instanceof SyntaxError) return true;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY';
}
