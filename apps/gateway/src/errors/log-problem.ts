import type { Logger } from '@nestjs/common';
import type { AppError } from './app-error.js';

/** Logs what an operator has to know of: what nobody expected in full, and which server is away. */
export function logProblem(logger: Logger, error: AppError, thrown: unknown, requestId: string): void {
  if (error.code === 'internal') logger.error({ err: thrown, request_id: requestId }, 'Unexpected error');
  else if (error.code === 'unavailable') logger.warn({ err: error.more.cause, request_id: requestId }, error.detail);
}
