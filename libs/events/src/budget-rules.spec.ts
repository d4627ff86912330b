import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  budgetRules,
  hold,
  LEASE_MS,
  parseBudgetState,
  PERMIT_MS,
  reserve,
  type BudgetState,
  type Grant,
} from './budget-rules.js';

const START = 1_900_000_000_000;

/** The most that was used within any minute. */
function mostInAMinute(uses: readonly number[]): number {
  const sorted = uses.toSorted((a, b) => a - b);
  let first = 0;
  return sorted.reduce((most, use, last) => {
    while (sorted[first]! <= use - 60_000) first++;
    return Math.max(most, last - first + 1);
  }, 0);
}

describe('budgetRules', () => {
  it('leases little of a small limit, and a tenth of a second of a large one', () => {
    expect(budgetRules(1)).toMatchObject({ burst: 1, lease: 1 });
    expect(budgetRules(600)).toMatchObject({ burst: 30, lease: 1 });
    expect(budgetRules(3_000)).toMatchObject({ burst: 150, lease: 4 });
    expect(budgetRules(1_000_000)).toMatchObject({ burst: 50_000, lease: 1_500 });
  });
});

describe('reserve', () => {
  it('never gives more than the limit in any minute, whoever asks when, and however late it is used', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.array(
          fc.record({
            // Mostly as fast as they can, sometimes after a pause.
            pause: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 90_000 })),
            waiting: fc.integer({ min: 1, max: 200 }),
            lateness: fc.constantFrom(0, 0.5, 1),
          }),
          { minLength: 1, maxLength: 300 },
        ),
        (limit, askers) => {
          const rules = budgetRules(limit);
          const uses: number[] = [];
          let state: BudgetState | null = null;
          let now = START;
          for (const { pause, waiting, lateness } of askers) {
            now += pause;
            const reserved: { state: BudgetState; grant: Grant } = reserve(state, rules, now, waiting);
            const { grant } = reserved;
            ({ state } = reserved);
            expect(grant.from).toBeGreaterThanOrEqual(now);
            const used = grant.from + lateness * (LEASE_MS + PERMIT_MS);
            for (let i = 0; i < grant.count; i++) uses.push(used);
          }
          expect(mostInAMinute(uses)).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([1, 2, 6, 19, 20, 39, 40, 600, 3_000, 100_000])(
    'whoever never stops asking gets most of %i a minute, and not more',
    (limit) => {
      const rules = budgetRules(limit);
      const froms: number[] = [];
      let state: BudgetState | null = null;
      for (let now = START; now < START + 300_000;) {
        const reserved: { state: BudgetState; grant: Grant } = reserve(state, rules, now, 1);
        ({ state } = reserved);
        now = reserved.grant.from;
        for (let i = 0; i < reserved.grant.count; i++) froms.push(now);
      }
      expect(mostInAMinute(froms)).toBeLessThanOrEqual(limit);
      expect(froms.length / 5).toBeGreaterThanOrEqual(limit * 0.9 - 1);
    },
  );

  it('a clock that is ahead or behind gives at most what its difference is worth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 3_000 }),
        fc.array(fc.record({ pause: fc.integer({ min: 0, max: 300 }), behind: fc.boolean() }), { maxLength: 400 }),
        (limit, askers) => {
          const rules = budgetRules(limit);
          const skewMs = 1_000;
          const uses: number[] = [];
          let state: BudgetState | null = null;
          let now = START;
          for (const { pause, behind } of askers) {
            now += pause;
            const clock = behind ? now - skewMs : now;
            const reserved: { state: BudgetState; grant: Grant } = reserve(state, rules, clock, 10);
            ({ state } = reserved);
            for (let i = 0; i < reserved.grant.count; i++) uses.push(reserved.grant.from + now - clock);
          }
          const { burst, intervalMs } = rules;
          expect(mostInAMinute(uses)).toBeLessThanOrEqual(burst + (60_000 + 2 * skewMs) / intervalMs);
        },
      ),
    );
  });
});

describe('hold', () => {
  it('gives nothing before its end, and then no burst', () => {
    const rules = budgetRules(600);
    const until = START + 5_000;
    let state = hold(null, rules, until);
    const froms = Array.from({ length: 10 }, () => {
      const reserved = reserve(state, rules, START, 1);
      ({ state } = reserved);
      return Math.round(reserved.grant.from - until);
    });
    expect(froms).toEqual([0, 111, 222, 333, 444, 556, 667, 778, 889, 1_000]);
  });

  it('never shortens another, and never gives back what was taken', () => {
    const rules = budgetRules(6);
    const held = hold(hold(null, rules, START + 60_000), rules, START + 1_000);
    expect(held).toEqual(hold(null, rules, START + 60_000));
    const { state } = reserve(null, rules, START, 1);
    expect(hold(state, rules, START - 100_000).fullAt).toBe(state.fullAt);
  });
});

describe('parseBudgetState', () => {
  it.each([null, 7, 'x', {}, { fullAt: 'now', heldUntil: 0 }, { fullAt: 1 }])('%j is none', (value) => {
    expect(parseBudgetState(value)).toBeNull();
  });
});
