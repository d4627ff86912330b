import { Injectable } from '@nestjs/common';
import { SimulatorSettings } from '../settings.js';
import { ProblemException } from './problem.js';

const WINDOW_MS = 60_000;

/** Replicate's limit on creates: so many in any minute. */
@Injectable()
export class RateLimit {
  /** Oldest first. */
  #passed: number[] = [];

  constructor(private readonly settings: SimulatorSettings) {}

  /** @throws ProblemException 429 above the limit */
  pass(now = Date.now()): void {
    while (now - (this.#passed[0] ?? now) >= WINDOW_MS) this.#passed.shift();
    if (this.#passed.length >= this.settings.createsPerMinute) {
      throw throttled(Math.ceil(((this.#passed[0] ?? now) + WINDOW_MS - now) / 1_000));
    }
    this.#passed.push(now);
  }

  reset(): void {
    this.#passed = [];
  }
}

/** Replicate's 429. It tells the wait in three places, of which a client may see any. */
export function throttled(seconds: number, toldBy: 'all' | 'header' | 'body' | 'text' = 'all'): ProblemException {
  const tells = (place: typeof toldBy) => toldBy === place || toldBy === 'all';
  const text = tells('text') ? ` Your rate limit resets in ~${seconds}s.` : '';
  return new ProblemException(
    429,
    { detail: `Request was throttled.${text}`, ...(tells('body') && { retry_after: seconds }) },
    tells('header') ? { 'retry-after': String(seconds) } : {},
  );
}
