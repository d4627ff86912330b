import type { Registry } from 'prom-client';
import { setTimeout as delay } from 'node:timers/promises';
import { singleFlight } from './single-flight.js';

/**
 * How long a scrape waits for what others are asked. Milliseconds. Prometheus itself waits 10 s by default; health checks
 * take 2 s at most, and must have been heard.
 */
const LIMIT_MS = 2_500;

/** Brings gauges up to date. They are asked of somebody else: first it removes their values, then it sets the answer. */
export type Refresh = () => Promise<unknown>;

/** The text of a registry, with gauges that are brought up to date before each scrape. */
export class Scrapes {
  readonly #refreshes: Refresh[] = [];

  constructor(
    private readonly registry: Registry,
    private readonly limitMs: number = LIMIT_MS,
  ) {}

  /** A refresh that hangs is not begun again before it has ended. */
  add(refresh: Refresh): void {
    this.#refreshes.push(singleFlight(refresh));
  }

  /**
   * All metrics in Prometheus's text format. Gauges whose refresh fails, or takes too long, are left out. Scrapes that
   * come together share one text: some metrics of the process are over the time since the scrape before.
   */
  readonly text = singleFlight(async (): Promise<string> => {
    await this.#askAll();
    return this.registry.metrics();
  });

  async #askAll(): Promise<void> {
    const answered = new AbortController();
    const limit = delay(this.limitMs, undefined, { signal: answered.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#refreshes.map((refresh) => refresh())), limit]);
    answered.abort();
  }
}
