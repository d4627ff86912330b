import type { Lane } from './generation/events.js';
import { statusAt, type Generation } from './generation/generation.js';

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

/** Replicate refuses a Cancel-After of less than 5 s. Milliseconds. */
const SHORTEST_ATTEMPT_MS = 5_000;

/** Whether a generation waits for its turn, and not for a time. */
export function waitsForTurn(generation: Generation, now: string): boolean {
  const { retryAt } = generation;
  return statusAt(generation, now) === 'queued' && (retryAt === null || retryAt <= now);
}

/** When a generation's time is over, ISO 8601 UTC. @param timeoutMs for all attempts together, GENERATION_TIMEOUT */
export function giveUpAt({ runningSince }: Generation, now: string, timeoutMs: number): string {
  return new Date(Date.parse(runningSince ?? now) + timeoutMs).toISOString();
}

/**
 * Milliseconds that the next prediction may take; null when no time is left for one. Half of what remains, so that an
 * attempt whose outcome stays unknown leaves time for another; the last attempt has all of it.
 */
export function attemptTimeMs(generation: Generation, now: string, timeoutMs: number): number | null {
  const left = Date.parse(giveUpAt(generation, now, timeoutMs)) - Date.parse(now);
  if (left < SHORTEST_ATTEMPT_MS) return null;
  const isLast = generation.spent.generate + 1 >= generation.request.max_attempts;
  return isLast ? left : Math.max(Math.floor(left / 2), SHORTEST_ATTEMPT_MS);
}
