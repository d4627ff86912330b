/**
 * What is known of a rate limit at any moment: the generic cell rate algorithm (a token bucket as one number), as in
 * ATM's traffic management and most Redis limiters. Pure; {@link SharedBudget} keeps the state where all processes see it.
 */

/** Milliseconds since 1970. */
export interface BudgetState {
  /** The "theoretical arrival time": when the bucket is full again. It only ever grows. */
  readonly fullAt: number;
  /** Until when the other side asked to be left alone; 0: never. */
  readonly heldUntil: number;
}

export interface BudgetRules {
  /** Milliseconds between two permits at the steady rate. */
  readonly intervalMs: number;
  /** Permits that may be given at once after an idle time. */
  readonly burst: number;
  /** Permits taken together, so that a high limit needs few writes: a tenth of a second's worth. */
  readonly lease: number;
}

/** Some permits, reserved for one process. */
export interface Grant {
  readonly count: number;
  /** Milliseconds since 1970: they are not to be used before. */
  readonly from: number;
  /** Nor after: what is not used by then is lost. */
  readonly until: number;
}

/** How long reserved permits may be kept before they are handed out. Milliseconds. */
export const LEASE_MS = 1_000;
/** How long one that was handed out may be kept before it is used. Milliseconds. */
export const PERMIT_MS = 1_000;

const WINDOW_MS = 60_000;
const BURST_SHARE = 0.05;
const STEADY_SHARE = 0.9;
const LEASE_WORTH_MS = 100;

/**
 * For a limit of so many in any minute. Within any time W at most `burst + W / interval` permits are reserved; each is
 * used LEASE_MS + PERMIT_MS later at most. So in any 60 s of use there are at most 5 % + 90 % × 62 / 60 = 98 % of the limit, and
 * with a burst of 1, for limits below 40, 1 + 93 %, of which the whole part is never above the limit. What remains is for clocks
 * that differ (docs/adr/0017).
 */
export function budgetRules(perMinute: number): BudgetRules {
  const intervalMs = WINDOW_MS / (perMinute * STEADY_SHARE);
  return {
    intervalMs,
    burst: Math.max(1, Math.floor(perMinute * BURST_SHARE)),
    lease: Math.max(1, Math.floor(LEASE_WORTH_MS / intervalMs)),
  };
}

/** Reserves as many as wait and can be had now, and at least a lease, which may lie in the future. */
export function reserve(
  state: BudgetState | null,
  { intervalMs, burst, lease }: BudgetRules,
  now: number,
  waiting: number,
): { readonly state: BudgetState; readonly grant: Grant } {
  const begin = Math.max(state?.fullAt ?? 0, now);
  const available = Math.floor(burst - (begin - now) / intervalMs);
  const count = Math.max(lease, Math.min(waiting, available));
  const fullAt = begin + count * intervalMs;
  const from = Math.max(now, fullAt - burst * intervalMs);
  return {
    state: { fullAt, heldUntil: state?.heldUntil ?? 0 },
    grant: { count, from, until: from + LEASE_MS },
  };
}

/** Nobody before `until`, and then at the steady rate: all who waited must not come at once. */
export function hold(state: BudgetState | null, { intervalMs, burst }: BudgetRules, until: number): BudgetState {
  return {
    fullAt: Math.max(state?.fullAt ?? 0, until + (burst - 1) * intervalMs),
    heldUntil: Math.max(state?.heldUntil ?? 0, until),
  };
}

/** What was read from outside. Null when it is none of ours. */
export function parseBudgetState(value: unknown): BudgetState | null {
  const { fullAt, heldUntil } = (value ?? {}) as Partial<BudgetState>;
  return Number.isFinite(fullAt) && Number.isFinite(heldUntil) ? { fullAt: fullAt!, heldUntil: heldUntil! } : null;
}
