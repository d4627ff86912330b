import type { Lane } from './generation/events.js';

/** The lane that a request's priority (−100…100) puts its work into. */
export function laneOf(priority: number): Lane {
  if (priority > 0) return 'high';
  return priority < 0 ? 'low' : 'normal';
}

const LONGEST_RETRY_DELAY_MS = 5 * 60_000;

/**
 * Milliseconds until the next attempt after `failures` (1 or more) in a row: `baseMs` doubled with each further one, at
 * most five minutes. Equal jitter by `random` (0–1): half of it is kept and half drawn, so that what failed together
 * does not come back together, and yet never at once.
 */
export function retryDelayMs(failures: number, baseMs: number, random: number): number {
  const full = Math.min(baseMs * 2 ** Math.max(failures - 1, 0), LONGEST_RETRY_DELAY_MS);
  return Math.round(full / 2 + (full / 2) * random);
}
