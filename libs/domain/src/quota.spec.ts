import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  release,
  reserve,
  settle,
  staleReservations,
  standingsOf,
  UNUSED_QUOTA,
  type Quota,
  type QuotaLimits,
} from './quota.js';

const LIMITS: QuotaLimits = { hourly: 3, daily: 5 };
const at = (time: string) => Date.parse(`2026-03-01T${time}Z`);
const noon = at('12:00:00');

/** After reservations that are granted. */
function given(requests: readonly [ids: string[], time: number][], limits = LIMITS): Quota {
  return requests.reduce((quota, [ids, time]) => {
    const verdict = reserve(quota, limits, ids, time);
    if (!verdict.granted) throw new Error(`${ids.join()} was refused`);
    return verdict.quota;
  }, UNUSED_QUOTA);
}

const usedOf = (quota: Quota, now: number) =>
  standingsOf(quota, { hourly: 100, daily: 100 }, now).map(({ used }) => used);

describe('a quota', () => {
  it('grants up to the limit, and says when there is more', () => {
    const full = given([
      [['a'], noon],
      [['b', 'c'], at('12:59:59.999')],
    ]);
    expect(reserve(full, LIMITS, ['d'], at('12:59:59.999'))).toEqual({
      granted: false,
      refusedBy: { window: 'hourly', limit: 3, used: 3, resetsAt: at('13:00:00') },
    });
    expect(reserve(full, LIMITS, ['d'], at('13:00:00'))).toMatchObject({ granted: true });
  });

  it('grants all of several, or none', () => {
    const two = given([[['a', 'b'], noon]]);
    expect(reserve(two, LIMITS, ['c', 'd'], noon).granted).toBe(false);
    expect(reserve(two, LIMITS, ['c'], noon).granted).toBe(true);
  });

  it('is refused by the limit that resets last', () => {
    const full = given([
      [['a', 'b'], at('11:00:00')],
      [['c', 'd', 'e'], noon],
    ]);
    const refused = { window: 'daily', limit: 5, used: 5, resetsAt: Date.parse('2026-03-02T00:00:00Z') };
    expect(reserve(full, LIMITS, ['f'], noon)).toEqual({ granted: false, refusedBy: refused });
    expect(reserve(full, LIMITS, ['f'], at('13:00:00'))).toEqual({ granted: false, refusedBy: refused });
    expect(reserve(full, LIMITS, ['f'], refused.resetsAt).granted).toBe(true);
  });

  it('knows no limit where there is none', () => {
    const many = given([[['a', 'b', 'c', 'd'], noon]], { hourly: null, daily: 5 });
    expect(standingsOf(many, { hourly: null, daily: 5 }, noon).map(({ window }) => window)).toEqual(['daily']);
    expect(reserve(many, { hourly: null, daily: null }, ['e', 'f', 'g'], noon).granted).toBe(true);
  });

  it('refuses more when the limit was lowered below what is used', () => {
    expect(reserve(given([[['a', 'b'], noon]]), { hourly: 1, daily: null }, ['c'], noon).granted).toBe(false);
  });

  it('shows windows that are over as unused', () => {
    const two = given([[['a', 'b'], noon]]);
    expect(usedOf(two, at('12:30:00'))).toEqual([2, 2]);
    expect(usedOf(two, at('13:00:00'))).toEqual([0, 2]);
    expect(usedOf(two, at('13:00:00') + 86_400_000)).toEqual([0, 0]);
  });

  it('does not begin an hour again for a clock that is behind', () => {
    const begun = given([[['a', 'b', 'c'], at('13:00:00')]]);
    expect(reserve(begun, LIMITS, ['d'], at('12:59:59'))).toMatchObject({
      granted: false,
      refusedBy: { resetsAt: at('14:00:00') },
    });
    expect(usedOf(begun, at('12:59:59'))).toEqual([3, 3]);
  });

  it('counts the same generation once, in the window of its last reservation', () => {
    const twice = given([
      [['a', 'b'], at('12:59:00')],
      [['a'], at('12:59:59')],
    ]);
    expect(usedOf(twice, at('12:59:59'))).toEqual([2, 2]);
    const later = given([
      [['a', 'b'], at('12:59:00')],
      [['a'], at('13:00:00')],
    ]);
    expect(usedOf(later, at('13:00:00'))).toEqual([1, 2]);
    const full = given([[['a', 'b', 'c'], noon]]);
    expect(reserve(full, LIMITS, ['c'], noon).granted).toBe(true);
  });

  it('keeps for good what is in the log', () => {
    const settled = settle(given([[['a', 'b'], noon]]), 'a');
    expect(usedOf(settled, noon)).toEqual([2, 2]);
    expect(release(settled, 'a')).toBe(settled);
    expect(settle(settled, 'a')).toBe(settled);
  });

  it('has back what will not be in the log, in the windows where it was counted', () => {
    const both = given([
      [['a'], at('12:59:00')],
      [['b'], at('13:00:00')],
    ]);
    expect(usedOf(release(both, 'b'), at('13:00:00'))).toEqual([0, 1]);
    expect(usedOf(release(both, 'a'), at('13:00:00'))).toEqual([1, 1]);
  });

  it('has it back only when the last of several that hold it gives it back', () => {
    const shared = given([
      [['a'], noon],
      [['a'], noon],
    ]);
    const once = release(shared, 'a');
    expect(usedOf(once, noon)).toEqual([1, 1]);
    expect(usedOf(release(once, 'a'), noon)).toEqual([0, 0]);
  });

  it('names reservations of which nothing was heard', () => {
    const quota = given([
      [['a'], noon],
      [['b'], noon + 20_000],
      [['a'], noon + 15_000],
    ]);
    const stale = (now: number) => staleReservations(quota, now, 10_000).map(({ id }) => id);
    expect(stale(noon + 25_000)).toEqual([]);
    expect(stale(noon + 25_001)).toEqual(['a']);
    expect(stale(noon + 30_001).sort()).toEqual(['a', 'b']);
  });
});

type Step =
  | { readonly kind: 'reserve'; readonly ids: readonly string[]; readonly wait: number }
  | { readonly kind: 'settle'; readonly id: string }
  | { readonly kind: 'release'; readonly id: string };

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('reserve' as const),
    ids: fc.uniqueArray(id, { minLength: 1, maxLength: 3 }),
    // Clocks of several gateways: now and then one that is behind.
    wait: fc.integer({ min: -5_000, max: 1_200_000 }),
  }),
  fc.record({ kind: fc.constant('settle' as const), id }),
  fc.record({ kind: fc.constant('release' as const), id }),
);
const limit = fc.option(fc.integer({ min: 1, max: 8 }), { nil: null });

describe('whatever is reserved, settled and released', () => {
  it('no window ever holds more than its limit or less than what is pending in it, and none goes back', () => {
    fc.assert(
      fc.property(fc.record({ hourly: limit, daily: limit }), fc.array(step, { maxLength: 60 }), (limits, steps) => {
        let quota = UNUSED_QUOTA;
        let now = noon;
        for (const each of steps) {
          const before = quota;
          if (each.kind === 'settle') quota = settle(quota, each.id);
          else if (each.kind === 'release') quota = release(quota, each.id);
          else {
            now += each.wait;
            const verdict = reserve(quota, limits, each.ids, now);
            if (verdict.granted) quota = verdict.quota;
          }
          for (const window of ['hourly', 'daily'] as const) {
            const { start, used } = quota[window];
            expect(start).toBeGreaterThanOrEqual(before[window].start);
            expect(used).toBeLessThanOrEqual(limits[window] ?? Infinity);
            expect(used).toBeGreaterThanOrEqual(quota.pending.filter(({ at }) => at >= start).length);
          }
          expect(new Set(quota.pending.map((reservation) => reservation.id)).size).toBe(quota.pending.length);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('what is released by all of its holders leaves no trace', () => {
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(id, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), (requests) => {
        let quota = UNUSED_QUOTA;
        const unlimited = { hourly: null, daily: null };
        for (const ids of requests) {
          const verdict = reserve(quota, unlimited, ids, noon);
          if (verdict.granted) quota = verdict.quota;
        }
        expect(quota.hourly.used).toBe(new Set(requests.flat()).size);
        for (const each of requests.flat()) quota = release(quota, each);
        expect([quota.hourly.used, quota.daily.used, quota.pending]).toEqual([0, 0, []]);
      }),
    );
  });
});
