import type { ImageProvider, Prediction } from '@darkroom/provider';

/** Reads under way at once: who wants to know of a minute ago need not wait for who reads on to an hour ago. */
const MOST_READS = 3;

interface Seeker {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly isWanted: (prediction: Prediction) => boolean;
  readonly signal: AbortSignal;
  readonly found: Prediction[];
  readonly resolve: (found: readonly Prediction[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The provider's list, read once for all who look for something in it at the same time. A provider that loses its answers
 * loses them to hundreds, and each would read all that the others made.
 */
export class SharedList {
  #waiting: Seeker[] = [];
  #reads = 0;

  constructor(private readonly provider: Pick<ImageProvider, 'list'>) {}

  /**
   * What of the list is wanted, oldest first, by a read that begins after this call.
   * @param since milliseconds since 1970, by the provider's clock
   * @throws ProviderError, also when `signal` aborts
   */
  find(since: number, isWanted: Seeker['isWanted'], signal: AbortSignal): Promise<readonly Prediction[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ since, isWanted, signal, found: [], resolve, reject });
      // After whoever else comes at this moment.
      queueMicrotask(() => this.#readOn());
    });
  }

  #readOn(): void {
    if (this.#waiting.length === 0 || this.#reads === MOST_READS) return;
    this.#reads += 1;
    void this.#read(this.#waiting.splice(0)).finally(() => {
      this.#reads -= 1;
      this.#readOn();
    });
  }

  async #read(seekers: readonly Seeker[]): Promise<void> {
    let open = seekers;
    const oldest = Math.min(...seekers.map(({ since }) => since));
    // They are the process's own: when one ends, all do.
    const signal = AbortSignal.any([...new Set(seekers.map((seeker) => seeker.signal))]);
    try {
      for await (const prediction of this.provider.list(new Date(oldest).toISOString(), { signal })) {
        const createdAt = Date.parse(prediction.createdAt);
        for (const { since, isWanted, found, resolve } of open) {
          // The newest come first: who wants to know of nothing older need not wait for the rest.
          if (createdAt < since) resolve(found);
          else if (isWanted(prediction)) found.unshift(prediction);
        }
        open = open.filter(({ since }) => createdAt >= since);
      }
      for (const { resolve, found } of open) resolve(found);
    } catch (error) {
      for (const { reject } of open) reject(error);
    }
  }
}
