import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { enter, hasEntered, leave, mayEnter, noSlots, settled, type Slots } from './slots.js';

const entry = (generationId: string, version = 1) => ({ generationId, version });
const running = (...ids: string[]): Slots => ids.reduce((slots, id) => enter(slots, entry(id), null), noSlots('u'));

describe('slots', () => {
  it('are as many as the limit', () => {
    expect(mayEnter(noSlots('u'), entry('a'), 1)).toBe(true);
    expect(mayEnter(running('a'), entry('b'), 1)).toBe(false);
    expect(mayEnter(running('a'), entry('b'), 2)).toBe(true);
    expect(mayEnter(running('a', 'b', 'c'), entry('d'), null)).toBe(true);
  });

  it('a limit that was lowered lets nobody in before enough have gone', () => {
    const slots = running('a', 'b', 'c');
    expect(mayEnter(leave(slots, [entry('a', 2)]), entry('d'), 2)).toBe(false);
    expect(mayEnter(leave(slots, [entry('a', 2), entry('b', 2)]), entry('d'), 2)).toBe(true);
  });

  it('an end that is heard of late does not end what was begun again since', () => {
    const again = enter(running('a'), entry('a', 6), null);
    expect(leave(again, [entry('a', 5)])).toBe(again);
    expect(leave(again, [entry('a', 9)]).running).toEqual({});
  });

  it('old work that turns up again does not make a generation look older', () => {
    const slots = enter(enter(noSlots('u'), entry('a', 6), null), entry('a', 1), 17);
    expect(slots).toMatchObject({ running: { a: 6 }, entering: { a: 17 } });
    expect(hasEntered(slots, entry('a', 6))).toBe(true);
    expect(hasEntered(slots, entry('a', 7))).toBe(false);
  });

  it('remembers where somebody stood until that is settled, or they have gone', () => {
    const slots = enter(running('a'), entry('b'), 17);
    expect(slots.entering).toEqual({ b: 17 });
    expect(settled(slots).entering).toEqual({});
    expect(leave(slots, [entry('b', 2)]).entering).toEqual({});
  });

  it('any order of the same entries and departures leaves the same generations running', () => {
    const change = fc.record({ generationId: fc.constantFrom('a', 'b', 'c'), version: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (departures) => {
        const slots = running('a', 'b', 'c');
        const oneByOne = departures.reduce((left, departure) => leave(left, [departure]), slots);
        expect(leave(slots, departures)).toEqual(oneByOne);
        expect(leave(slots, [...departures].reverse())).toEqual(oneByOne);
        expect(leave(oneByOne, departures)).toBe(oneByOne);
      }),
    );
  });
});
