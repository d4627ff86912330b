import { invalid } from '../errors/app-error.js';

const WELL_FORMED = /^[\x20-\x7e]{1,255}$/;

/** @throws AppError `validation_failed` */
export function idempotencyKeyOf(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && WELL_FORMED.test(header)) return header;
  const message = 'Idempotency-Key must be 1 to 255 printable ASCII characters';
  throw invalid([{ field: 'Idempotency-Key', message }]);
}
