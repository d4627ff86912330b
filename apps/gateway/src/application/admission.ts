import type { QuotaWindow, Standing } from '@darkroom/domain';
import { EventStoreError, type EventStore } from '@darkroom/events';
import { AppError } from '../errors/app-error.js';
import { rateLimitHeaders, secondsUntil } from '../limits/rate-limit-headers.js';
import type { Principal } from './principal.js';
import type { QuotaAnswer, Quotas } from './quotas.js';
import { LONGEST_COMMAND_MS, within } from './within.js';

export interface AdmissionOptions {
  /** Told of every request that is refused. */
  readonly onRefused?: (by: QuotaWindow) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

export interface Admitted<T> {
  readonly result: T;
  /** What is left after it; null for whoever has no limits, and for a repetition. */
  readonly standings: readonly Standing[] | null;
}

/** Lets requests into the log as far as their user's limits go. Without an answer about them nobody is let in. */
export class Admission {
  constructor(
    private readonly quotas: Quotas,
    private readonly store: Pick<EventStore, 'load'>,
    private readonly options: AdmissionOptions = {},
  ) {}

  /**
   * Refuses what has no chance, before anything is kept of it.
   * @throws AppError `rate_limited`
   */
  async check({ userId, limits }: Principal): Promise<void> {
    if (isUnlimited(limits)) return;
    this.#assertGranted(await this.quotas.check(userId, limits));
  }

  /**
   * Counts a generation, then appends it. What is certainly not appended is given back; what may have been is judged by
   * the log, later.
   * @param append is given the milliseconds that it may take, and throws EventStoreError
   * @param shared whether other requests may append the same generation: those with its idempotency key
   * @throws AppError `rate_limited`; EventStoreError `unavailable` when it could not be counted in time
   */
  async admit<T>(
    { userId, limits }: Principal,
    generationId: string,
    append: (withinMs: number) => Promise<T>,
    { shared }: { readonly shared: boolean },
  ): Promise<Admitted<T>> {
    if (isUnlimited(limits)) return { result: await append(LONGEST_COMMAND_MS), standings: null };
    const ids = [generationId];
    const giveBack = () => this.quotas.release(userId, ids);
    const deadline = Date.now() + LONGEST_COMMAND_MS;
    const counting = this.#count(userId, limits, generationId, shared);
    const late = () => new EventStoreError('unavailable', 'The limits could not be looked up in time');
    const { isThere, standings } = await within(LONGEST_COMMAND_MS, counting, () => {
      void counting.then(giveBack, () => undefined);
      return late();
    });
    const left = deadline - Date.now();
    // A process that was suspended meanwhile may have lost its reservation.
    if (isThere || left <= 0) giveBack();
    if (left <= 0) throw late();
    if (isThere) return { result: await append(left), standings: null };
    try {
      const result = await append(left);
      this.quotas.settle(userId, ids);
      return { result, standings };
    } catch (error) {
      if (error instanceof EventStoreError && error.kind !== 'unknown' && error.kind !== 'conflict') giveBack();
      throw error;
    }
  }

  async #count(userId: string, limits: Principal['limits'], id: string, shared: boolean) {
    const answer = await this.quotas.reserve(userId, limits, [id]);
    this.#assertGranted(answer);
    const { standings } = answer;
    if (!shared) return { isThere: false, standings };
    try {
      // Whoever has appended it since it was looked for has counted it.
      return { isThere: (await this.store.load(id)).position > 0, standings };
    } catch (error) {
      this.quotas.release(userId, [id]);
      throw error;
    }
  }

  #assertGranted({ refusedBy, standings }: QuotaAnswer): void {
    if (!refusedBy) return;
    this.options.onRefused?.(refusedBy.window);
    const now = (this.options.clock ?? Date.now)();
    const { window, limit, resetsAt } = refusedBy;
    const until = new Date(resetsAt).toISOString();
    throw new AppError('rate_limited', `The ${window} limit of ${limit} generations is reached until ${until}`, {
      retryAfterSeconds: secondsUntil(resetsAt, now),
      headers: rateLimitHeaders(standings, now),
    });
  }
}

function isUnlimited({ hourly, daily }: Principal['limits']): boolean {
  return hourly === null && daily === null;
}
