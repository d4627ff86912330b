import { statusAt, STATUSES } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { generationId, mixedStory, Story } from '../../test/stories.js';
import { BadCursor } from './cursor.js';
import type { GenerationFilters, ListRequest } from './generations.query.js';

describe('GenerationsQuery', () => {
  let fixture: Fixture;
  const story = mixedStory(300, 11);
  const log = new MemoryLog('log', story.events);
  const all = [...story.states]
    .map(([id, state]) => ({ id, state }))
    .sort((a, b) => (`${a.state.createdAt} ${a.id}` < `${b.state.createdAt} ${b.id}` ? 1 : -1));
  beforeAll(async () => {
    fixture = await openFixture();
    await projectAll(fixture, log);
  });
  afterAll(() => fixture.close());

  const list = (request: Partial<ListRequest> = {}) =>
    fixture.models.generations.list({ userId: null, limit: 1_000, cursor: null, now: story.now, ...request });
  const ids = async (filters: GenerationFilters, request: Partial<ListRequest> = {}) =>
    (await list({ filters, ...request })).rows.map(({ id }) => id);
  const expected = (matches: (row: (typeof all)[number]) => boolean) => all.filter(matches).map(({ id }) => id);

  it("lists a user's own, newest first, and says what it reflects", async () => {
    const page = await list({ userId: 'user-3' });
    expect(page.rows.map(({ id }) => id)).toEqual(expected(({ state }) => state.request.user_id === 'user-3'));
    expect(page).toMatchObject({ position: log.last, nextCursor: null });
    expect((await list()).rows).toHaveLength(300);
    expect((await list({ userId: 'nobody' })).rows).toEqual([]);
  });

  it.each(STATUSES)('filters by status %s as it is shown at that time', async (status) => {
    for (const now of [story.now, '2026-06-01T00:00:00.000Z']) {
      const shown = expected(({ state }) => statusAt(state, now) === status);
      expect(await ids({ status }, { now })).toEqual(shown);
    }
  });

  it('filters by model, batch, time and metadata, all together', async () => {
    expect(await ids({ modelId: 'acme/fine' })).toEqual(
      expected(({ state }) => state.request.model_id === 'acme/fine'),
    );
    expect(await ids({ batchId: 'batch-7' })).toEqual(expected(({ state }) => state.request.batch_id === 'batch-7'));
    const [createdAfter, createdBefore] = [all[200]!.state.createdAt, all[100]!.state.createdAt];
    expect(await ids({ createdAfter, createdBefore })).toEqual(all.slice(101, 200).map(({ id }) => id));
    expect(await ids({ metadata: { order: '7', tier: 'a' } })).toEqual(
      expected(({ state: { request } }) => request.metadata.order === '7' && request.metadata.tier === 'a'),
    );
    expect(await ids({ modelId: 'acme/fast', metadata: { tier: 'b' }, createdAfter }, { userId: 'user-1' })).toEqual(
      expected(
        ({ state: { createdAt, request } }) =>
          request.user_id === 'user-1' &&
          request.model_id === 'acme/fast' &&
          request.metadata.tier === 'b' &&
          createdAt > createdAfter,
      ),
    );
  });

  const hostile = [`'`, `"`, `\\`, `?`, `??`, `$1`, `:a`, `%`, `'; DROP TABLE generations; --`, '\0', '\\u0000', '{}'];

  it.each(hostile)('takes %j for text, wherever it stands', async (text) => {
    expect(await ids({ metadata: { [text]: text } })).toEqual([]);
    expect(await ids({ metadata: { order: text } })).toEqual([]);
    expect(await ids({ modelId: text, batchId: text }, { userId: text })).toEqual([]);
    expect((await list()).rows).toHaveLength(300);
  });

  it('finds hostile text where it is the value', async () => {
    const other = await openFixture();
    const strange = new Story();
    hostile.forEach((text, n) => strange.requested(n, { user_id: text, metadata: { [text]: text } }));
    await projectAll(other, new MemoryLog('log', strange.events));
    for (const [n, text] of hostile.entries()) {
      const filters = { metadata: { [text]: text } };
      const request = { userId: text, filters, limit: 5, cursor: null, now: strange.now };
      const { rows } = await other.models.generations.list(request);
      expect(rows.map(({ id }) => id)).toEqual([generationId(n)]);
    }
    await other.close();
  });

  it('pages through everything once, while new ones are accepted', async () => {
    const other = await openFixture();
    const growing = new Story();
    for (let n = 0; n < 25; n++) growing.requested(n);
    const growingLog = new MemoryLog('log', [...growing.events]);
    await projectAll(other, growingLog);

    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await other.models.generations.list({ userId: 'user-1', limit: 10, cursor, now: growing.now });
      seen.push(...page.rows.map(({ id }) => id));
      cursor = page.nextCursor;
      for (let n = 0; n < 3; n++) growing.requested(100 + seen.length * 3 + n);
      growingLog.append(...growing.events.slice(growingLog.last));
      await projectAll(other, growingLog);
    } while (cursor !== null);
    await other.close();
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => generationId(24 - i)));
  });

  it('pages through generations of the same millisecond', async () => {
    const other = await openFixture();
    const burst = new Story();
    for (let n = 0; n < 7; n++) burst.requested(n);
    const at = burst.events[0]!.time;
    await projectAll(
      other,
      new MemoryLog(
        'log',
        burst.events.map((event) => ({ ...event, time: at })),
      ),
    );
    const seen: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await other.models.generations.list({ userId: null, limit: 3, cursor: cursor ?? null, now: at });
      seen.push(...page.rows.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    await other.close();
    expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => generationId(6 - i)));
  });

  it('refuses a cursor that it did not give out', async () => {
    await expect(list({ cursor: 'nonsense' })).rejects.toThrow(BadCursor);
  });
});
