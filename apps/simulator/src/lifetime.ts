/** Everything that the simulator does by itself, so that closing it leaves no timer and no request behind. */
export class Lifetime {
  readonly #controller = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** A signal would go through all that listen to it whenever one more does. */
  readonly #waiting = new Set<() => void>();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves after `ms`; rejects at once when the simulator closes or `signal` aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(abort);
        signal?.removeEventListener('abort', abort);
      };
      const abort = (): void => {
        leave();
        reject(new DOMException('It does not wait any more', 'AbortError'));
      };
      const timer = setTimeout(() => {
        leave();
        resolve();
      }, ms);
      if (this.signal.aborted || signal?.aborted) return abort();
      this.#waiting.add(abort);
      signal?.addEventListener('abort', abort);
    });
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
    for (const abort of this.#waiting) abort();
    await Promise.all(this.#running);
  }
}

/** True for the error by which {@link Lifetime.wait} ends early. */
export function isAbort(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}
