import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { WeightedTurns } from './weighted-turns.js';

const always = (): boolean => true;

describe('WeightedTurns', () => {
  it('gives each lane its share, evenly mixed', () => {
    const turns = new WeightedTurns([6, 3, 1]);
    const order = Array.from({ length: 10 }, () => turns.next(always)).join('');
    expect(order).toBe('0100102010');
    const counts = [0, 0, 0];
    for (let i = 0; i < 1_000; i++) counts[turns.next(always)]!++;
    expect(counts).toEqual([600, 300, 100]);
  });

  it('gives no turn to a lane that has nothing, and saves none up for it', () => {
    const turns = new WeightedTurns([6, 3, 1]);
    for (let i = 0; i < 100; i++) expect(turns.next((lane) => lane === 2)).toBe(2);
    const order = Array.from({ length: 10 }, () => turns.next(always));
    expect(order.filter((lane) => lane === 0)).toHaveLength(6);
    expect(turns.next(() => false)).toBe(-1);
  });

  it('never lets a lane that has work wait longer than the weights say', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), (weights) => {
        const turns = new WeightedTurns(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const round = Array.from({ length: total }, () => turns.next(always));
        weights.forEach((weight, lane) => expect(round.filter((turn) => turn === lane)).toHaveLength(weight));
      }),
    );
  });
});
