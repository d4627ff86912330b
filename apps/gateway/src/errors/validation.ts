import type { FieldError } from '@darkroom/domain';
import { StandardSchemaValidationPipe, type StandardSchemaValidationPipeOptions } from '@nestjs/common';
import { invalid } from './app-error.js';

type Issue = Parameters<NonNullable<StandardSchemaValidationPipeOptions['exceptionFactory']>>[0][number];

/** More than anybody reads; a hostile body could otherwise ask for a megabyte of messages. */
const MOST_ERRORS = 50;

/** Checks whatever `@Body({ schema })` or `@Query({ schema })` names; 422 with one error for each wrong field. */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({ exceptionFactory: (issues) => invalid(fieldErrors(issues)) });
}

/** Zod tells unknown fields in one issue of the object around them. */
export function fieldErrors(issues: readonly (Issue & { readonly keys?: readonly string[] })[]): FieldError[] {
  return issues
    .flatMap(({ message, path = [], keys }) => {
      const names = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment));
      if (keys) return keys.map((key) => fieldError([...names, key], 'is not a known field'));
      return [fieldError(names, message)];
    })
    .slice(0, MOST_ERRORS);
}

function fieldError(path: readonly string[], message: string): FieldError {
  const field = path.join('.').slice(0, 200) || 'body';
  return { field, message: `${field}: ${message}` };
}
