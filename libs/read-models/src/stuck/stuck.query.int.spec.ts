import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { generationId, Story } from '../../test/stories.js';

describe('StuckQuery', () => {
  const MINUTE = 60_000;
  const story = new Story();
  /** When each attempt began. */
  const began: Record<'generating' | 'slow' | 'downloading', number> = { generating: 0, slow: 0, downloading: 0 };
  let fixture: Fixture;

  const at = (time: number) => new Date(time).toISOString();
  const start = (id: string, stage: 'generate' | 'download', deadline: string | null) => {
    story.act(id, { type: 'StartAttempt', stage, worker: 'w', deadline });
    return Date.parse(story.now);
  };

  beforeAll(async () => {
    fixture = await openFixture();
    story.requested(1);
    const [cancelled, failed, done, downloading, slow, generating] = [2, 3, 4, 5, 6, 7].map((n) => story.requested(n));
    start(cancelled!, 'generate', null);
    story.act(cancelled!, { type: 'Cancel', by: 'user-1', reason: null });
    start(failed!, 'generate', null);
    story.failAttempt(failed!);
    for (let step = 1; step <= 5; step++) story.advance(done!, step);
    for (let step = 1; step <= 3; step++) story.advance(downloading!, step);
    began.downloading = start(downloading!, 'download', null);
    began.slow = start(slow!, 'generate', at(Date.parse(story.now) + 31 * MINUTE));
    began.generating = start(generating!, 'generate', at(Date.parse(story.now) + 3 * MINUTE));
    await projectAll(fixture, new MemoryLog('log', story.events));
  });
  afterAll(() => fixture.close());

  it('counts attempts in hand that began more than ten minutes ago and are past their deadline', async () => {
    const { stuck } = fixture.models;
    const count = (time: number) => stuck.count(at(time));
    expect(await count(began.downloading + 10 * MINUTE)).toBe(0);
    expect(await count(began.downloading + 10 * MINUTE + 1)).toBe(1);
    expect(await count(began.generating + 10 * MINUTE)).toBe(1);
    expect(await count(began.generating + 10 * MINUTE + 1)).toBe(2);
    expect(await count(began.slow + 31 * MINUTE)).toBe(2);
    expect(await count(began.slow + 32 * MINUTE + 1)).toBe(3);
    expect(await count(began.slow + 1_000 * MINUTE)).toBe(3);
  });

  it('counts, once, what the sweeper has given up on, as long as it has not ended', async () => {
    const { stuck } = fixture.models;
    const [queued, cancelled, , done, downloading] = [1, 2, 3, 4, 5].map(generationId);
    const now = at(began.downloading + 10 * MINUTE + 1);
    expect(await stuck.count(now, [queued!, cancelled!, done!, downloading!, generationId(99)])).toBe(2);
    const listed = await stuck.list(now, [queued!], 10);
    expect(listed.map(({ id, state }) => [id, state.status])).toEqual([
      [queued, 'queued'],
      [downloading, 'downloading'],
    ]);
    expect(await stuck.list(now, [queued!], 1)).toHaveLength(1);
  });
});
