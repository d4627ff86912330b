import type { Principal } from '../application/principal.js';

/** Longest time that a timer of Node can be set to. Milliseconds, some 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Aborts with `signal`, or when the principal's credential expires: whatever outlives a request must not outlive the
 * credential that it was allowed by.
 */
export function credentialSignal({ expiresAt }: Principal, signal: AbortSignal): AbortSignal {
  if (expiresAt === null) return signal;
  const remaining = Math.min(Math.max(expiresAt - Date.now(), 0), LONGEST_TIMER_MS);
  return AbortSignal.any([signal, AbortSignal.timeout(remaining)]);
}
