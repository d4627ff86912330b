import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { Story } from '../../test/stories.js';

const SCHEDULED = '2026-06-01T00:00:00.000Z';

describe('IdleQuery', () => {
  const story = new Story();
  const ids: Record<string, string> = {};
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await openFixture();
    ids.queued = story.requested(1);
    ids.scheduled = story.requested(2, { scheduled_at: SCHEDULED });
    ids.processing = story.requested(3);
    ids.downloading = story.requested(4);
    ids.failed = story.requested(5);
    ids.done = story.requested(6);
    ids.cancelled = story.requested(7);
    story.advance(ids.processing, 1);
    for (let step = 1; step <= 3; step++) story.advance(ids.downloading, step);
    for (let step = 1; step <= 5; step++) story.advance(ids.done, step);
    for (let step = 1; step <= 3; step++) {
      story.advance(ids.failed, step);
      story.failAttempt(ids.failed);
    }
    story.act(ids.cancelled, { type: 'Cancel', by: 'user-1', reason: null });
    await projectAll(fixture, new MemoryLog('log', story.events));
  });
  afterAll(() => fixture.close());

  const page = (overrides: object = {}) =>
    fixture.models.idle.page({ before: 1_000, after: null, limit: 10, ...overrides });

  it('names what has not ended', async () => {
    expect(story.states.get(ids.failed!)!.status).toBe('failed');
    expect(await page()).toEqual([ids.queued, ids.scheduled, ids.processing, ids.downloading]);
  });

  it('leaves out what has moved since', async () => {
    const of = (id: string) => story.events.findLast((event) => event.generationId === id)!.position;
    expect(await page({ before: of(ids.processing!) })).toEqual([ids.queued, ids.scheduled]);
    expect(await page({ before: of(ids.processing!) + 1 })).toEqual([ids.queued, ids.scheduled, ids.processing]);
    expect(await page({ before: 1 })).toEqual([]);
  });

  it('pages', async () => {
    expect(await page({ limit: 3 })).toEqual([ids.queued, ids.scheduled, ids.processing]);
    expect(await page({ limit: 3, after: ids.processing })).toEqual([ids.downloading]);
    expect(await page({ after: ids.downloading })).toEqual([]);
  });
});
