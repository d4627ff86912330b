import { JetStreamApiError } from '@nats-io/jetstream';

/** nats-server: no message found; sequence not found. */
const NOT_FOUND = new Set([10037, 10043]);
/** nats-server: a message could not be deleted; its text says why. */
const DELETE_FAILED = 10057;

/** Whether a message could not be read or deleted because it is not there any more. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return NOT_FOUND.has(error.code) || (error.code === DELETE_FAILED && /no message found/i.test(error.message));
}
