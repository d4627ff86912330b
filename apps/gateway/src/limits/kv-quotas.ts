import {
  giveBack,
  release,
  reserve,
  settle,
  staleReservations,
  standingsOf,
  UNUSED_QUOTA,
  type Quota,
  type QuotaLimits,
  type Standing,
} from '@darkroom/domain';
import { bucketKey, EventStoreError, type Documents, type EventStore } from '@darkroom/events';
import { z } from 'zod';
import type { QuotaAnswer, Quotas } from '../application/quotas.js';

/**
 * After this the log is asked what became of a reservation. Milliseconds: longer than the CommandRunner tries to append
 * (three times, with a look at the log between, at most 3 s each), and than clocks of gateways differ.
 */
export const PENDING_MS = 30_000;

/** Longest fight with other gateways for one user's document. Milliseconds. */
const LONGEST_ROUNDS_MS = 4_000;

/** Reservations that are looked up in one round: many gateways would have to die for more. */
const MOST_LOOKUPS = 100;

/** Users of whom it is remembered what to settle. What is forgotten is looked up in the log. */
const MOST_REMEMBERED = 10_000;

const usage = z.object({ start: z.int(), used: z.int() });
const storedQuota = z.object({
  hourly: usage,
  daily: usage,
  pending: z.array(z.object({ id: z.string(), at: z.int(), holders: z.int() })),
});

interface Waiting {
  readonly limits: QuotaLimits;
  readonly ids: readonly string[];
  readonly resolve: (answer: QuotaAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** What has come for a user while the last round was under way. */
interface Turn {
  waiting: Waiting[];
  released: string[];
}

/**
 * Quotas in a JetStream key-value bucket: one document per user, changed by compare-and-swap. All that waits for one
 * user in this process is done in one round; gateways that meet at a user try again.
 */
export class KvQuotas implements Quotas {
  /** Of users with a round under way. */
  readonly #turns = new Map<string, Turn>();
  readonly #settled = new Map<string, string[]>();

  /**
   * @param documents throws EventStoreError `unavailable` while there is no connection
   * @param clock milliseconds since 1970
   */
  constructor(
    private readonly documents: () => Documents,
    private readonly store: Pick<EventStore, 'load'>,
    private readonly clock: () => number = Date.now,
  ) {}

  async check(userId: string, limits: QuotaLimits): Promise<QuotaAnswer> {
    const { quota } = await this.#read(bucketKey(userId));
    const now = this.clock();
    // Those of the dead may be had back.
    const free = staleReservations(quota, now, PENDING_MS).reduce((before, { id }) => giveBack(before, id), quota);
    const verdict = reserve(free, limits, ['any'], now);
    const refusedBy = verdict.granted ? null : verdict.refusedBy;
    return { refusedBy, standings: standingsOf(quota, limits, now) };
  }

  async standings(userId: string, limits: QuotaLimits): Promise<readonly Standing[]> {
    const { quota } = await this.#read(bucketKey(userId));
    return standingsOf(quota, limits, this.clock());
  }

  reserve(userId: string, limits: QuotaLimits, ids: readonly string[]): Promise<QuotaAnswer> {
    return new Promise((resolve, reject) => {
      this.#take(userId, (turn) => turn.waiting.push({ limits, ids, resolve, reject }));
    });
  }

  release(userId: string, ids: readonly string[]): void {
    this.#take(userId, (turn) => turn.released.push(...ids));
  }

  /** Written with the user's next reservation: no write of its own for each request. */
  settle(userId: string, ids: readonly string[]): void {
    const before = this.#settled.get(userId) ?? [];
    this.#settled.delete(userId);
    // The oldest goes: a map keeps the order in which it was filled.
    if (this.#settled.size >= MOST_REMEMBERED) this.#settled.delete(this.#settled.keys().next().value!);
    this.#settled.set(userId, [...before, ...ids]);
  }

  #take(userId: string, add: (turn: Turn) => void): void {
    const open = this.#turns.get(userId);
    const turn = open ?? { waiting: [], released: [] };
    add(turn);
    if (open) return;
    this.#turns.set(userId, turn);
    void this.#serve(userId, turn);
  }

  /** Rounds, until nothing has come meanwhile. Never throws. */
  async #serve(userId: string, turn: Turn): Promise<void> {
    while (turn.waiting.length + turn.released.length > 0) {
      const { waiting, released } = turn;
      turn.waiting = [];
      turn.released = [];
      try {
        const answers = await this.#round(userId, { waiting, released });
        waiting.forEach(({ resolve }, index) => resolve(answers[index]!));
      } catch (error) {
        // Of a reservation whose fate is unknown nobody will append anything.
        const failed =
          error instanceof EventStoreError && error.kind === 'unknown'
            ? new EventStoreError('unavailable', error.message, { cause: error })
            : error;
        for (const { reject } of waiting) reject(failed);
      }
    }
    this.#turns.delete(userId);
  }

  /** One swap of the document for all of them; none when nothing changes. */
  async #round(userId: string, { waiting, released }: Turn): Promise<QuotaAnswer[]> {
    const key = bucketKey(userId);
    const settled = this.#settled.get(userId) ?? [];
    this.#settled.delete(userId);
    const begun = performance.now();
    do {
      const { quota: before, revision } = await this.#read(key);
      const now = this.clock();
      let quota = settled.reduce(settle, before);
      quota = released.reduce(release, quota);
      quota = await this.#judgeStale(quota, now);
      const answers = waiting.map(({ limits, ids }): QuotaAnswer => {
        const verdict = reserve(quota, limits, ids, now);
        if (verdict.granted) quota = verdict.quota;
        const refusedBy = verdict.granted ? null : verdict.refusedBy;
        return { refusedBy, standings: standingsOf(quota, limits, now) };
      });
      if (quota === before || (await this.documents().put(key, JSON.stringify(quota), revision))) return answers;
    } while (performance.now() - begun < LONGEST_ROUNDS_MS);
    throw new EventStoreError('unavailable', 'Too many gateways count for one user');
  }

  /** The log knows what became of a reservation whose gateway has said nothing. */
  async #judgeStale(quota: Quota, now: number): Promise<Quota> {
    const stale = staleReservations(quota, now, PENDING_MS).slice(0, MOST_LOOKUPS);
    const judged = stale.map(async ({ id }) => ({ id, appended: (await this.store.load(id)).position > 0 }));
    return (await Promise.all(judged)).reduce(
      (before, { id, appended }) => (appended ? settle(before, id) : giveBack(before, id)),
      quota,
    );
  }

  async #read(key: string): Promise<{ readonly quota: Quota; readonly revision: number }> {
    const { text, revision } = await this.documents().get(key);
    return { quota: text === null ? UNUSED_QUOTA : storedQuota.parse(JSON.parse(text)), revision };
  }
}
