import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { laneOf, retryDelayMs } from './scheduling.js';

describe('laneOf', () => {
  it.each([
    [1, 'high'],
    [100, 'high'],
    [0, 'normal'],
    [-0, 'normal'],
    [-1, 'low'],
  ])('puts priority %d into %s', (priority, lane) => {
    expect(laneOf(priority)).toBe(lane);
  });
});

describe('retryDelayMs', () => {
  it('doubles with each failure', () => {
    expect([1, 2, 3].map((failures) => retryDelayMs(failures, 2000, 1))).toEqual([2000, 4000, 8000]);
    expect([1, 2, 3].map((failures) => retryDelayMs(failures, 2000, 0))).toEqual([1000, 2000, 4000]);
  });

  it('stays between half of its delay and five minutes', () => {
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 10_000 }),
        unit,
        (failures, base, random) => {
          const delay = retryDelayMs(failures, base, random);
          expect(delay).toBeGreaterThanOrEqual(Math.min(base / 2, 150_000));
          expect(delay).toBeLessThanOrEqual(300_000);
        },
      ),
    );
  });
});
