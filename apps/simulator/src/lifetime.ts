import { setTimeout as delay } from 'node:timers/promises';

/** Everything that the simulator does by itself, so that closing it leaves no timer and no request behind. */
export class Lifetime {
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves after `ms`; rejects at once when the simulator closes or `signal` aborts. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    const signals = signal ? [this.signal, signal] : [this.signal];
    await delay(ms, undefined, { signal: AbortSignal.any(signals) });
  }

  /** Runs `task` beside the requests. Its end by {@link wait} is no failure; anything else is reported on stderr. */
  run(task: () => Promise<void>): void {
    const running = task()
      .catch((error: unknown) => {
        if (!isAbort(error)) console.error('Simulator:', error);
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async close(): Promise<void> {
    this.#controller.abort();
    await Promise.all(this.#running);
  }
}

/** True for the error by which {@link Lifetime.wait} ends early. */
export function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
