import { describe, expect, it } from '@jest/globals';
import { describeReport, ProgressLines } from './progress-lines.js';

describe('ProgressLines', () => {
  it('tells a line a second, with the rate and the time that is left', () => {
    const lines = new ProgressLines();
    expect(lines.next({ phase: 'loading', position: 0, last: 100_000 }, 5_000)).toBe(
      'loading 0.0 %, 0 of 100,000 events',
    );
    expect(lines.next({ phase: 'loading', position: 10_000, last: 100_000 }, 5_999)).toBeNull();
    expect(lines.next({ phase: 'loading', position: 25_000, last: 100_000 }, 6_000)).toBe(
      'loading 25.0 %, 25,000 of 100,000 events, 25,000 events/s, 3 s left',
    );
    expect(lines.next({ phase: 'loading', position: 26_000, last: 100_000 }, 6_500)).toBeNull();
  });

  it('tells of every phase', () => {
    const lines = new ProgressLines();
    lines.next({ phase: 'loading', position: 10, last: 10 }, 0);
    expect(lines.next({ phase: 'indexing', position: 10, last: 10 }, 1)).toMatch(/indexes/);
    expect(lines.next({ phase: 'swapping', position: 10, last: 10 }, 2)).toMatch(/swapping/);
  });

  it('tells what was done', () => {
    const report = { events: 12_000, generations: 2_000, seconds: 0.5, eventsPerSecond: 24_000, position: 12_000 };
    expect(describeReport({ ...report, schema: 'read_model' })).toBe(
      'done: 12,000 events of 2,000 generations in 0.5 s (24,000 events/s); the tables reflect the log up to position 12000',
    );
  });
});
