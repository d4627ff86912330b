/** Generations that a user may request of an hour and of a day; null: no limit. */
export interface QuotaLimits {
  readonly hourly: number | null;
  readonly daily: number | null;
}

export const QUOTA_WINDOWS = ['hourly', 'daily'] as const;
export type QuotaWindow = (typeof QUOTA_WINDOWS)[number];

const LENGTH_MS: Readonly<Record<QuotaWindow, number>> = { hourly: 3_600_000, daily: 86_400_000 };

/** Seconds. */
export function windowSeconds(window: QuotaWindow): number {
  return LENGTH_MS[window] / 1_000;
}

/** A generation that is counted, and not known to be in the log. */
export interface Reservation {
  /** Of the generation. */
  readonly id: string;
  /** Since when it is counted. Milliseconds since 1970. */
  readonly at: number;
  /** Requests that carry it: repetitions with one idempotency key. None of them may give back what another needs. */
  readonly holders: number;
}

/**
 * What a user has requested of the present UTC hour and day. Times are milliseconds since 1970. A window begins with the
 * hour or the day and not with a request, so that its end is a plain fact; it never goes back, whatever a clock says.
 */
export interface Quota {
  readonly hourly: { readonly start: number; readonly used: number };
  readonly daily: { readonly start: number; readonly used: number };
  /** Counted in `used` too. */
  readonly pending: readonly Reservation[];
}

export const UNUSED_QUOTA: Quota = { hourly: { start: 0, used: 0 }, daily: { start: 0, used: 0 }, pending: [] };

/** How a user stands with one limit. */
export interface Standing {
  readonly window: QuotaWindow;
  readonly limit: number;
  readonly used: number;
  /** Milliseconds since 1970. */
  readonly resetsAt: number;
}

export type Verdict =
  | { readonly granted: true; readonly quota: Quota }
  /** By the limit that resets last: before that, no request would be granted. */
  | { readonly granted: false; readonly refusedBy: Standing };

/**
 * Counts all of these generations, or none. One that is counted already is counted once, in the present windows.
 * @param ids different ones
 */
export function reserve(quota: Quota, limits: QuotaLimits, ids: readonly string[], now: number): Verdict {
  const holders = new Map(quota.pending.map((reservation) => [reservation.id, reservation.holders]));
  const at = presentOf(quota, now);
  const { hourly, daily, pending } = begun(ids.reduce(giveBack, quota), at);
  const refusedBy = standingsOf({ hourly, daily, pending }, limits, at).findLast(
    ({ used, limit }) => used + ids.length > limit,
  );
  if (refusedBy) return { granted: false, refusedBy };
  const counted = ids.map((id) => ({ id, at, holders: (holders.get(id) ?? 0) + 1 }));
  return {
    granted: true,
    quota: {
      hourly: { ...hourly, used: hourly.used + ids.length },
      daily: { ...daily, used: daily.used + ids.length },
      pending: [...pending, ...counted],
    },
  };
}

/** It is in the log: counted for good. */
export function settle(quota: Quota, id: string): Quota {
  if (!quota.pending.some((reservation) => reservation.id === id)) return quota;
  return { ...quota, pending: quota.pending.filter((reservation) => reservation.id !== id) };
}

/** One of its holders will not append it. It is given back with the last. */
export function release(quota: Quota, id: string): Quota {
  const found = quota.pending.find((reservation) => reservation.id === id);
  if (!found || found.holders === 1) return giveBack(quota, id);
  const pending = quota.pending.map((each) => (each === found ? { ...each, holders: each.holders - 1 } : each));
  return { ...quota, pending };
}

/** It is not in the log, and nobody will append it any more. */
export function giveBack(quota: Quota, id: string): Quota {
  const found = quota.pending.find((reservation) => reservation.id === id);
  if (!found) return quota;
  const without = (window: QuotaWindow) => {
    const { start, used } = quota[window];
    return { start, used: found.at >= start ? used - 1 : used };
  };
  return { ...settle(quota, id), hourly: without('hourly'), daily: without('daily') };
}

/** Reservations of which nothing was heard for this long: whoever made them may have died. */
export function staleReservations(quota: Quota, now: number, afterMs: number): readonly Reservation[] {
  return quota.pending.filter(({ at }) => at < now - afterMs);
}

/** How a user stands with each limit that there is, the shorter window first. */
export function standingsOf(quota: Quota, limits: QuotaLimits, now: number): readonly Standing[] {
  const present = begun(quota, presentOf(quota, now));
  return QUOTA_WINDOWS.flatMap((window) => {
    const limit = limits[window];
    const { start, used } = present[window];
    return limit === null ? [] : [{ window, limit, used, resetsAt: start + LENGTH_MS[window] }];
  });
}

/** Clocks of several gateways differ: the one that is ahead has begun the hour. */
function presentOf(quota: Quota, now: number): number {
  return Math.max(now, quota.hourly.start);
}

/** With windows that are over begun anew. */
function begun(quota: Quota, now: number): Quota {
  const present = (window: QuotaWindow) => {
    const start = now - (now % LENGTH_MS[window]);
    return quota[window].start === start ? quota[window] : { start, used: 0 };
  };
  return { ...quota, hourly: present('hourly'), daily: present('daily') };
}
