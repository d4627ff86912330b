import { beforeEach, describe, expect, it } from '@jest/globals';
import { findModel } from '@darkroom/domain';
import { newRecord } from './prediction.js';
import { PredictionStore } from './prediction-store.js';

const fluxSchnell = findModel('black-forest-labs/flux-schnell')!;

/** As many a millisecond, so that times are no order by themselves. */
const PER_MS = 3;
const COUNT = 1_000;
const LATE = new Date(10_000);
const now = new Date(5_000);

describe('a page', () => {
  let store: PredictionStore;
  beforeEach(() => {
    store = new PredictionStore();
    for (let n = 0; n < COUNT; n += 1) add(n);
  });

  function add(n: number, listedAt?: Date): void {
    const createdAt = new Date(Math.floor(n / PER_MS));
    const plan = {
      id: `p${n}`,
      model: fluxSchnell,
      input: {},
      seed: 1,
      createdAt,
      webhookEvents: [],
      runMs: 1,
      listedAt,
    };
    store.add(newRecord(plan));
  }

  /** Ids of all pages from the first on. */
  function walk(filter: Parameters<PredictionStore['page']>[0], at = now, between?: () => void): string[][] {
    const pages: string[][] = [];
    let next: number | undefined;
    do {
      const page = store.page(filter, at, next);
      pages.push(page.records.map(({ id }) => id));
      next = page.next;
      between?.();
    } while (next !== undefined);
    return pages;
  }

  const ids = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, n) => `p${from - n}`);

  it('holds a hundred, newest first, and the last leads nowhere', () => {
    const pages = walk({});
    expect(pages.map(({ length }) => length)).toEqual(Array(10).fill(100));
    expect(pages.flat()).toEqual(ids(999, 0));
  });

  it('keeps to its times: from the first on, up to but without the second', () => {
    expect(walk({ createdAfter: new Date(300) }).flat()).toEqual(ids(999, 900));
    expect(walk({ createdBefore: new Date(1) }).flat()).toEqual(ids(2, 0));
    expect(walk({ createdAfter: new Date(1), createdBefore: new Date(2) }).flat()).toEqual(ids(5, 3));
    expect(walk({ createdBefore: new Date(0) })).toEqual([[]]);
    expect(walk({ createdAfter: new Date(9_000) })).toEqual([[]]);
  });

  it('is not moved by creations after the first', () => {
    let n = COUNT;
    expect(walk({}, now, () => add((n += 1))).flat()).toEqual(ids(999, 0));
  });

  it('leaves out what is listed late, until then', () => {
    add(1_000, LATE);
    expect(walk({}).flat()).toEqual(ids(999, 0));
    expect(walk({}, LATE).flat()).toEqual(ids(1_000, 0));
  });
});
