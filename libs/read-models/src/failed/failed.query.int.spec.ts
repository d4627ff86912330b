import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { Story } from '../../test/stories.js';

describe('FailedQuery', () => {
  const story = new Story();
  const failed: { id: string; at: string }[] = [];
  let fixture: Fixture;

  const fail = (n: number, code: 'internal' | 'content_refused') => {
    const id = story.requested(n);
    story.act(id, { type: 'Fail', error: { code, message: 'x', retryable: false } });
    failed.push({ id, at: story.now });
    return id;
  };
  beforeAll(async () => {
    fixture = await openFixture();
    fail(1, 'internal');
    fail(2, 'content_refused');
    fail(3, 'internal');
    story.act(fail(4, 'internal'), { type: 'Retry', by: 'operator' });
    story.requested(5);
    await projectAll(fixture, new MemoryLog('log', story.events));
  });
  afterAll(() => fixture.close());

  const ids = async (...[filters, after = null, limit = 10]: [object, (string | null)?, number?]) =>
    (await fixture.models.failed.page(filters, after, limit)).map(({ id }) => id);

  it('names what is failed now, by every filter', async () => {
    const [first, second, third] = failed.map(({ id }) => id);
    expect(await fixture.models.failed.page({}, null, 1)).toEqual([
      { id: first, code: 'internal', stage: 'generate', failedAt: failed[0]!.at },
    ]);
    expect(await ids({})).toEqual([first, second, third]);
    expect(await ids({ code: 'internal' })).toEqual([first, third]);
    expect(await ids({ stage: 'download' })).toEqual([]);
    expect(await ids({ since: failed[1]!.at })).toEqual([second, third]);
    expect(await ids({ since: failed[1]!.at, code: 'internal', stage: 'generate' })).toEqual([third]);
  });

  it('pages', async () => {
    const [first, second, third] = failed.map(({ id }) => id);
    expect(await ids({}, null, 2)).toEqual([first, second]);
    expect(await ids({}, second, 2)).toEqual([third]);
  });

  it('counts by why, the most frequent first', async () => {
    expect(await fixture.models.failed.counts({})).toEqual([
      { stage: 'generate', code: 'internal', count: 2 },
      { stage: 'generate', code: 'content_refused', count: 1 },
    ]);
    expect(await fixture.models.failed.counts({ since: '2030-01-01T00:00:00.000Z' })).toEqual([]);
  });
});
