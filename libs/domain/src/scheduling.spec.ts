import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { failAttempt, held, minute, requested, Scenario, start } from './generation/spec-support.js';
import { attemptTimeMs, laneOf, retryDelayMs } from './scheduling.js';

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

describe('attemptTimeMs', () => {
  const TEN_MINUTES = 600_000;
  const begun = (attempts: number, maxAttempts = 3) => {
    const scenario = new Scenario().given(requested({ max_attempts: maxAttempts }));
    for (let attempt = 1; attempt <= attempts; attempt++) {
      scenario.given(
        start('generate'),
        held((fence) => failAttempt(fence, 'provider_unavailable')),
      );
    }
    return scenario.state;
  };
  // The first attempt begins a minute after the request, at minute 2.
  const first = 2;

  it('is half of what remains, and all of it for the last', () => {
    expect(attemptTimeMs(begun(0), minute(50), TEN_MINUTES)).toBe(300_000);
    expect(attemptTimeMs(begun(1), minute(first + 4), TEN_MINUTES)).toBe(180_000);
    expect(attemptTimeMs(begun(2), minute(first + 7), TEN_MINUTES)).toBe(180_000);
    expect(attemptTimeMs(begun(0, 1), minute(50), TEN_MINUTES)).toBe(TEN_MINUTES);
  });

  it('is never less than the provider takes, and none when not even that is left', () => {
    expect(attemptTimeMs(begun(0), minute(50), 5_000)).toBe(5_000);
    expect(attemptTimeMs(begun(1), minute(first + 9.9), TEN_MINUTES)).toBe(5_000);
    expect(attemptTimeMs(begun(1), minute(first + 9.95), TEN_MINUTES)).toBeNull();
    expect(attemptTimeMs(begun(2), minute(first + 60), TEN_MINUTES)).toBeNull();
  });
});
