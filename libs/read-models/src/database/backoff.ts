import { setTimeout as delay } from 'node:timers/promises';

/** Growing pauses between attempts at something that is away: 100 ms, doubled up to 5 s. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly firstMs = 100,
    private readonly maxMs = 5_000,
  ) {}

  /** Ends early, without an error, when `signal` aborts. */
  async pause(signal?: AbortSignal): Promise<void> {
    const ms = Math.min(this.firstMs * 2 ** this.failures++, this.maxMs);
    await pauseFor(ms, signal);
  }

  reset(): void {
    this.failures = 0;
  }
}

/** Ends after `ms`, or without an error as soon as `signal` aborts. */
export async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
