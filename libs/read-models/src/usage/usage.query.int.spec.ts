import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { Story } from '../../test/stories.js';

describe('UsageQuery', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
    const story = new Story(Date.parse('2026-01-01T23:57:30.000Z'));
    const [first, second] = [story.requested(1), story.requested(2, { user_id: 'user-2', model_id: 'acme/fine' })];
    for (let step = 1; step <= 5; step++) story.advance(first, step);
    story.act(second, { type: 'Cancel', by: 'user-2', reason: null });
    await projectAll(fixture, new MemoryLog('log', story.events));
  });
  afterAll(() => fixture.close());

  const none = { requested: 0, completed: 0, failed: 0, cancelled: 0, images: 0, bytes: 0, costUsd: 0 };
  const done = { completed: 1, images: 2, bytes: 2_010, costUsd: 0.100003 };
  const days = { userId: null, from: '2026-01-01', to: '2026-01-31' };

  it('sums by day, model or user', async () => {
    const { usage } = fixture.models;
    expect(await usage.usage({ ...days, by: 'day' })).toEqual([
      { ...none, key: '2026-01-01', requested: 2 },
      { ...none, ...done, key: '2026-01-02', cancelled: 1 },
    ]);
    expect(await usage.usage({ ...days, by: 'model' })).toEqual(
      [
        { ...none, key: 'acme/fast', ...done, requested: 1 },
        { ...none, key: 'acme/fine', requested: 1, cancelled: 1 },
      ].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    expect(await usage.usage({ ...days, userId: 'user-2', by: 'user' })).toEqual([
      { ...none, key: 'user-2', requested: 1, cancelled: 1 },
    ]);
  });

  it('leaves out other days and other users', async () => {
    const { usage } = fixture.models;
    expect(await usage.usage({ ...days, from: '2026-01-02', by: 'user' })).toEqual([
      { ...none, ...done, key: 'user-1' },
      { ...none, key: 'user-2', cancelled: 1 },
    ]);
    expect(await usage.usage({ ...days, userId: "nobody'", by: 'day' })).toEqual([]);
  });
});
