import type { UsageDelta } from '../usage/usage.projection.js';

const COUNTED = ['requested', 'completed', 'failed', 'cancelled', 'images', 'bytes'] as const;

type Counts = Pick<UsageDelta, 'day' | 'user_id' | 'model_id'> & { [K in (typeof COUNTED)[number]]?: number };

/**
 * Sums up what is whole numbers, so that Postgres has less to do. Costs are left to its exact decimals: adding them here
 * would give other last digits than the live projector's.
 */
export class UsageSums {
  private readonly counts = new Map<string, Counts>();
  private costs: UsageDelta[] = [];

  add(delta: UsageDelta): void {
    const { day, user_id, model_id, cost_usd } = delta;
    if (cost_usd !== undefined) this.costs.push({ day, user_id, model_id, cost_usd });
    const key = `${day}\n${model_id}\n${user_id}`;
    const sums: Counts = this.counts.get(key) ?? { day, user_id, model_id };
    this.counts.set(key, sums);
    for (const name of COUNTED) {
      const amount = delta[name];
      if (amount !== undefined) sums[name] = (sums[name] ?? 0) + amount;
    }
  }

  /** How many deltas `take` would give. */
  get size(): number {
    return this.counts.size + this.costs.length;
  }

  /** What was added since the last time. */
  take(): UsageDelta[] {
    const deltas = [...this.counts.values(), ...this.costs];
    this.counts.clear();
    this.costs = [];
    return deltas;
  }
}
