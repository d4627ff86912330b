import { describe, expect, it } from '@jest/globals';
import { projectedSteps } from '../../test/projected.js';
import { Story } from '../../test/stories.js';
import { usageOf } from './usage.projection.js';

const key = { user_id: 'user-1', model_id: 'acme/fast' };

describe('usageOf', () => {
  it('counts a generation that is made, on the UTC day of each event', () => {
    const story = new Story(Date.parse('2026-01-01T23:55:30.000Z'));
    const id = story.requested(1);
    for (let step = 1; step <= 5; step++) story.advance(id, step);
    expect(projectedSteps(story).map(({ event, row }) => usageOf(event, row))).toEqual([
      { ...key, day: '2026-01-01', requested: 1 },
      null,
      null,
      { ...key, day: '2026-01-01', cost_usd: 0.100003 },
      null,
      { ...key, day: '2026-01-02', completed: 1, images: 2, bytes: 2_010 },
    ]);
  });

  it('counts a failure and the redrive that is cancelled', () => {
    const story = new Story();
    const id = story.requested(1, { max_attempts: 1 });
    story.advance(id, 1);
    story.failAttempt(id);
    story.act(id, { type: 'Retry', by: 'operator' });
    story.act(id, { type: 'Cancel', by: 'user', reason: null });
    const day = '2026-01-01';
    expect(projectedSteps(story).map(({ event, row }) => usageOf(event, row))).toEqual([
      { ...key, day, requested: 1 },
      null,
      { ...key, day, failed: 1 },
      null,
      { ...key, day, cancelled: 1 },
    ]);
  });
});
