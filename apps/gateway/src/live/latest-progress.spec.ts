import { describe, expect, it } from '@jest/globals';
import type { Generation } from '@darkroom/domain';
import { LatestProgress } from './latest-progress.js';

const at = (fence: number | null) => ({ current: fence === null ? null : { fence } }) as Generation;
const news = (generationId: string, fence: number, progress: number) => ({ generationId, fence, progress });

describe('LatestProgress', () => {
  it('goes only forwards within an attempt, and begins anew with the next', () => {
    const latest = new LatestProgress();
    const steps = [news('a', 2, 20), news('a', 2, 20), news('a', 2, 15), news('a', 2, 60), news('a', 5, 15)];
    expect(steps.map((each) => latest.hear(each))).toEqual([true, false, false, true, true]);
    // A worker that was overtaken.
    expect(latest.hear(news('a', 2, 70))).toBe(false);
    expect([latest.of('a', at(5)), latest.of('a', at(2)), latest.of('a', at(null))]).toEqual([
      15,
      undefined,
      undefined,
    ]);
    latest.forget('a');
    expect(latest.of('a', at(5))).toBeUndefined();
  });

  it('forgets what was not heard of for longest', () => {
    const latest = new LatestProgress(2);
    for (const id of ['a', 'b']) latest.hear(news(id, 2, 20));
    latest.hear(news('a', 2, 30));
    latest.hear(news('c', 2, 20));
    expect(['a', 'b', 'c'].map((id) => latest.of(id, at(2)))).toEqual([30, undefined, 20]);
  });
});
