import { describe, expect, it } from '@jest/globals';
import { FEW, isWorthReading, MOST_GETS, planLooks, type Awaited } from './plan-looks.js';

const NOW = 1_000_000;
const idle = { gets: 0, listing: false, callsFrom: 0 };

function awaited(count: number, of: Partial<Awaited> = {}): Awaited[] {
  const plain = { createdAt: NOW - 1_000, dueAt: NOW, deadline: Infinity, asked: 'no', unlisted: false } as const;
  return Array.from({ length: count }, () => ({ ...plain, ...of }));
}

/** How much a plan asks for. */
function sizes(each: readonly Awaited[], means: Partial<typeof idle> = {}) {
  const { overdue, alone, listed, nextAt } = planLooks(each, NOW, { ...idle, ...means });
  return { overdue: overdue.length, alone: alone.length, listed: listed.length, nextAt };
}

describe('planLooks', () => {
  it('asks for few one by one, so many at once and no more', () => {
    expect(sizes(awaited(3))).toEqual({ overdue: 0, alone: 3, listed: 0, nextAt: Infinity });
    expect(sizes(awaited(FEW))).toMatchObject({ alone: MOST_GETS, listed: 0 });
    expect(sizes(awaited(FEW), { gets: MOST_GETS - 1 })).toMatchObject({ alone: 1, listed: 0 });
    expect(sizes(awaited(FEW), { gets: MOST_GETS + 1 })).toMatchObject({ alone: 0 });
  });

  it('looks for many in the list, one list at a time', () => {
    expect(sizes(awaited(FEW + 1))).toMatchObject({ alone: 0, listed: FEW + 1 });
    expect(sizes(awaited(5_000))).toMatchObject({ alone: 0, listed: 5_000 });
    expect(sizes(awaited(5_000), { listing: true })).toMatchObject({ alone: 0, listed: 0 });
  });

  it('asks alone for what the list does not show, beside it', () => {
    const each = [...awaited(100), ...awaited(3, { unlisted: true })];
    expect(sizes(each)).toMatchObject({ alone: 3, listed: 100 });
    expect(sizes(awaited(100, { unlisted: true }))).toMatchObject({ alone: MOST_GETS, listed: 0 });
  });

  it('takes first whoever has waited longest', () => {
    const [patient] = awaited(1, { dueAt: NOW - 5_000, unlisted: true });
    const { alone } = planLooks([...awaited(50, { unlisted: true }), patient!], NOW, idle);
    expect(alone[0]).toBe(patient);
  });

  it('cancels what is past its deadline, also what the list is being read for', () => {
    expect(sizes(awaited(2, { deadline: NOW }))).toMatchObject({ overdue: 2, alone: 0 });
    expect(sizes(awaited(2, { deadline: NOW, dueAt: NOW + 1, asked: 'list' }))).toMatchObject({ overdue: 2 });
    expect(sizes(awaited(2, { deadline: NOW, asked: 'alone' }))).toMatchObject({ overdue: 0, alone: 0 });
  });

  it('sleeps until the next look or deadline', () => {
    const each = [...awaited(2, { dueAt: NOW + 700 }), ...awaited(1, { dueAt: NOW + 900, deadline: NOW + 500 })];
    expect(sizes(each)).toEqual({ overdue: 0, alone: 0, listed: 0, nextAt: NOW + 500 });
    expect(sizes([])).toMatchObject({ nextAt: Infinity });
  });

  it('asks nothing before it may', () => {
    const nothing = { overdue: 0, alone: 0, listed: 0, nextAt: NOW + 40 };
    expect(sizes([...awaited(50), ...awaited(3, { deadline: NOW })], { callsFrom: NOW + 40 })).toEqual(nothing);
  });
});

describe('isWorthReading', () => {
  const ago = (...seconds: number[]) => seconds.map((each) => NOW - each * 1_000);

  it('reads on for several on the next page, not for one', () => {
    expect(isWorthReading(ago(1, 2, 3), NOW, 10_000)).toBe(true);
    expect(isWorthReading(ago(1), NOW, 10_000)).toBe(false);
    expect(isWorthReading([], NOW, 10_000)).toBe(false);
  });

  it('leaves the old ones to calls of their own', () => {
    expect(isWorthReading(ago(1, 2, 3, 4, 600), NOW, 10_000)).toBe(true);
    expect(isWorthReading(ago(500, 600, 700), NOW, 10_000)).toBe(false);
  });

  it('reads far back for many', () => {
    const far = Array.from({ length: 200 }, (_, index) => NOW - 500_000 - index);
    expect(isWorthReading(far, NOW, 10_000)).toBe(true);
  });

  it('does not read through a flood of others’ predictions', () => {
    const each = Array.from({ length: 50 }, (_, index) => NOW - index * 1_000);
    expect(isWorthReading(each, NOW, 100)).toBe(false);
  });
});
