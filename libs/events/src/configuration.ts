import { JetStreamApiError } from '@nats-io/jetstream';
import canonicalize from 'canonicalize';

/** Error codes of nats-server, from its server/errors.json. */
export const STREAM_NOT_FOUND = 10059;
export const STREAM_NAME_IN_USE = 10058;
export const CONSUMER_NOT_FOUND = 10014;

/** Whether a field that we ask for is otherwise at the server. Fields that we do not set are the server's business. */
export function differs(wanted: object, actual: object): boolean {
  return differingFields(wanted, actual).length > 0;
}

/** Names of those fields. */
export function differingFields(wanted: object, actual: object): string[] {
  return Object.entries(wanted)
    .filter(([key, value]) => {
      const found = (actual as Record<string, unknown>)[key] ?? absent(value);
      return canonicalize(value) !== canonicalize(found);
    })
    .map(([key]) => key);
}

/** The server leaves false, zero and empty fields out of what it tells. */
function absent(value: unknown): unknown {
  return typeof value === 'boolean' ? false : typeof value === 'number' ? 0 : undefined;
}

/** The answer, or null for the one error that is expected. */
export async function find<T>(answer: Promise<T>, expected: number): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === expected) return null;
    throw error;
  }
}
