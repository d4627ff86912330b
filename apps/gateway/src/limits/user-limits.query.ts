import type { Standing } from '@darkroom/domain';
import { bucketKey, type Documents } from '@darkroom/events';
import { z } from 'zod';
import type { Principal } from '../application/principal.js';
import type { Quotas } from '../application/quotas.js';

export interface LimitView {
  readonly used: number;
  /** Null: none. */
  readonly limit: number | null;
  /** ISO 8601 UTC; null where nothing resets. */
  readonly resets_at: string | null;
}

export interface LimitsView {
  readonly hourly: LimitView;
  readonly daily: LimitView;
  readonly concurrent: LimitView;
}

const runningSlots = z.object({ running: z.record(z.string(), z.unknown()) });

/** How a user stands with the limits. Changes nothing. */
export class UserLimitsQuery {
  /** @param slots throws EventStoreError `unavailable` while there is no connection */
  constructor(
    private readonly quotas: Quotas,
    private readonly slots: () => Documents,
  ) {}

  /** @throws EventStoreError `unavailable` */
  async of({ userId, limits }: Principal): Promise<LimitsView> {
    const [standings, running] = await Promise.all([this.quotas.standings(userId, limits), this.#running(userId)]);
    const view = (window: Standing['window']): LimitView => {
      const standing = standings.find((each) => each.window === window);
      if (!standing) return { used: 0, limit: null, resets_at: null };
      return { used: standing.used, limit: standing.limit, resets_at: new Date(standing.resetsAt).toISOString() };
    };
    const concurrent = { used: running, limit: limits.concurrent, resets_at: null };
    return { hourly: view('hourly'), daily: view('daily'), concurrent };
  }

  async #running(userId: string): Promise<number> {
    const { text } = await this.slots().get(bucketKey(userId));
    return text === null ? 0 : Object.keys(runningSlots.parse(JSON.parse(text)).running).length;
  }
}
