import type { Principal } from '../application/principal.js';

/** Longest time that a timer of Node can be set to. Milliseconds, some 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Aborts with `signal`, or when the principal's credential expires: whatever outlives a request must not outlive the
 * credential that it was allowed by. Abort `signal` in the end, whatever happens: it also stops the clock.
 */
export function credentialSignal({ expiresAt }: Principal, signal: AbortSignal): AbortSignal {
  if (expiresAt === null || signal.aborted) return signal;
  const ending = new AbortController();
  const remaining = Math.min(Math.max(expiresAt - Date.now(), 0), LONGEST_TIMER_MS);
  const timer = setTimeout(() => ending.abort(), remaining).unref();
  signal.addEventListener('abort', () => (clearTimeout(timer), ending.abort()), { once: true });
  return ending.signal;
}
