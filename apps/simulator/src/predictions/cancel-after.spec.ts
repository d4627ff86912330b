import { describe, expect, it } from '@jest/globals';
import { parseCancelAfter } from './cancel-after.js';

describe('parseCancelAfter', () => {
  it.each([
    ['30', 30_000],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1h1m5s', 3_665_000],
  ])('reads %s', (header, ms) => {
    expect(parseCancelAfter(header)).toBe(ms);
  });

  it.each(['', '4', '4s', '0h', '-30', '1.5m', '30 s', 'soon', '1m1h'])('refuses "%s"', (header) => {
    expect(parseCancelAfter(header)).toBeUndefined();
  });
});
