import { setImmediate as nextRound } from 'node:timers/promises';

interface Pending<T> {
  readonly changes: T[];
  readonly done: Promise<void>;
}

/**
 * One at a time for each key: what comes at once, and what comes while a turn is taken, is then taken together. So a user who asks for
 * thousands at once costs a turn for many of them, in their order, and nobody's changes race within this process.
 */
export class Turns<T> {
  readonly #running = new Map<string, Promise<void>>();
  readonly #pending = new Map<string, Pending<T>>();

  constructor(private readonly work: (key: string, changes: readonly T[]) => Promise<void>) {}

  /** Resolves when the turn that this change was part of has been taken; rejects as that did. */
  take(key: string, change: T): Promise<void> {
    const pending = this.#pending.get(key);
    if (pending) {
      pending.changes.push(change);
      return pending.done;
    }
    const changes = [change];
    // What has come in one piece from the broker is taken together.
    const before = this.#running.get(key) ?? nextRound();
    const done = before
      .catch(() => undefined)
      .then(() => {
        this.#pending.delete(key);
        this.#running.set(key, done);
        return this.work(key, changes);
      })
      .finally(() => {
        if (this.#running.get(key) === done) this.#running.delete(key);
      });
    this.#pending.set(key, { changes, done });
    return done;
  }
}
