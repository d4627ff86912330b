import type { FieldError } from '@darkroom/domain';

/** Every error a client can meet: its HTTP status and its title. REST and GraphQL tell the same codes. */
export const ERRORS = {
  bad_request: [400, 'The request cannot be understood'],
  malformed_json: [400, 'The body is not valid JSON'],
  unauthenticated: [401, 'Authentication is required'],
  forbidden: [403, 'This is not allowed'],
  not_found: [404, 'There is no such resource'],
  idempotency_conflict: [409, 'The idempotency key was used for another request'],
  invalid_state: [409, 'The state of the generation does not allow this'],
  payload_too_large: [413, 'The request is too large'],
  unsupported_media_type: [415, 'The media type is not supported'],
  range_not_satisfiable: [416, 'The range lies outside of the image'],
  validation_failed: [422, 'The request is not valid'],
  unknown_model: [422, 'There is no such model'],
  unsafe_url: [422, 'The address is not allowed'],
  rate_limited: [429, 'Too many requests'],
  internal: [500, 'Something went wrong'],
  unavailable: [503, 'A part of the service is not available'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** What goes wrong for a client. Its texts are shown to the client: they hold nothing internal. */
export class AppError extends Error {
  override readonly name = 'AppError';

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly more: {
      readonly fields?: readonly FieldError[];
      readonly retryAfterSeconds?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: more.cause });
  }
}

/** A request that is refused for what stands in its fields. */
export function invalid(fields: readonly FieldError[], code: ErrorCode = 'validation_failed'): AppError {
  return new AppError(code, fields.map(({ message }) => message).join('; '), { fields });
}
