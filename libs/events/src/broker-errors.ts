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

/** nats-server: wrong last sequence. Which of the two depends on the version. */
const WRONG_LAST_SEQUENCE = new Set([10071, 10164]);

/** Whether a write was refused because somebody else wrote there since. */
export function isWrongLastSequence(error: unknown): boolean {
  return error instanceof JetStreamApiError && WRONG_LAST_SEQUENCE.has(error.code);
}
