import type { RecordedEvent } from '@darkroom/events';
import { AppError } from '../errors/app-error.js';

/** Stands where events may have been missed: whoever needs all of them has to look at the log. */
export const MISSED = Symbol('MISSED');

/** Stands where an attempt has come further, which is no event: look it up. */
export const PROGRESSED = Symbol('PROGRESSED');

export type Change = RecordedEvent | typeof MISSED | typeof PROGRESSED;

/**
 * What the hub hands to one subscriber: a bounded queue with an end. It collects from the moment it was made. Iterate
 * it once; leaving the iteration ends it.
 * @throws AppError `unavailable` from the iteration, when the subscriber was cut
 */
export class Subscription implements AsyncIterable<Change> {
  readonly #ending = new AbortController();
  #queue: Change[] = [];
  #error: AppError | null = null;
  #wake = (): void => undefined;

  /**
   * @param capacity changes that may wait for the subscriber; with one more it is cut
   * @param progress whether it hears of progress, too
   */
  constructor(
    private readonly capacity: number,
    private readonly progress = false,
  ) {}

  /** Aborts when it ends, for whatever reason. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  push(change: Change): void {
    if (this.signal.aborted) return;
    // Whoever has not looked yet will see the latest: a slow reader is not cut for it.
    if (change === PROGRESSED && (!this.progress || this.#queue.length > 0)) return;
    // Looking at the log shows what waits, too; and of another log it would be wrong.
    if (change === MISSED) this.#queue = [];
    if (this.#queue.length >= this.capacity) {
      this.end(new AppError('unavailable', 'This subscriber fell behind what happens; subscribe again'));
      return;
    }
    this.#queue.push(change);
    this.#wake();
  }

  /** What still waits is dropped. */
  end(error: AppError | null = null): void {
    if (this.signal.aborted) return;
    this.#error = error;
    this.#queue = [];
    this.#ending.abort();
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Change, void, void> {
    try {
      for (;;) {
        const change = this.#queue.shift();
        if (change !== undefined) yield change;
        else if (this.#error) throw this.#error;
        else if (this.signal.aborted) return;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.end();
    }
  }
}
