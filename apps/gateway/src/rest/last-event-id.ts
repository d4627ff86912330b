import { invalid } from '../errors/app-error.js';

/**
 * The stream position that a client has seen last; null when it has seen none.
 * @throws AppError `validation_failed`
 */
export function lastEventIdOf(header: string | string[] | undefined): number | null {
  if (header === undefined) return null;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw invalid([{ field: 'Last-Event-ID', message: 'Last-Event-ID must be a stream position, the id of an event' }]);
}
