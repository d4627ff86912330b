import { viewOf } from '@darkroom/domain';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { expectProjected, openFixture, projectAll, startProjector, type Fixture } from '../../test/fixture.js';
import { openReadModels, type Progress } from '../index.js';
import { MemoryLog } from '../../test/memory-log.js';
import { mixedStory, Story } from '../../test/stories.js';

describe('Projector', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await openFixture();
  });
  afterEach(() => fixture.close());

  it('projects 2,000 generations of every kind to what folding their events gives', async () => {
    const { events } = mixedStory(2_000, 1);
    const kinds = new Set(events.map((event) => event.type));
    expect(kinds.size).toBe(9);
    await projectAll(fixture, new MemoryLog('log', events));
    await expectProjected(fixture, events);
  });

  it('shows in lists what folding the log shows', async () => {
    const story = mixedStory(60, 2);
    await projectAll(fixture, new MemoryLog('log', story.events));
    const now = story.now;
    const { rows } = await fixture.models.generations.list({ userId: null, limit: 100, cursor: null, now });
    const view = { now, publicUrl: 'https://darkroom.test' };
    expect(rows.map(({ id, state, position }) => viewOf(state, { ...view, id, position }))).toEqual(
      rows.map(({ id, position }) => viewOf(story.states.get(id)!, { ...view, id, position })),
    );
    expect(rows).toHaveLength(60);
  });

  it('counts nothing twice when it is stopped between batches and started again, again and again', async () => {
    const { events } = mixedStory(200, 3);
    const log = new MemoryLog('log', events);
    let position = 0;
    let runs = 0;
    while (position < log.last) {
      const running = startProjector(fixture, log, { maxBatch: 37, onProgress: () => void running.stop() });
      await running.ended;
      expect(running.projector.position).toBeGreaterThan(position);
      position = running.projector.position;
      runs++;
    }
    expect(runs).toBe(Math.ceil(log.last / 37));
    await expectProjected(fixture, events);
  });

  it('skips what the log repeats', async () => {
    const { events } = mixedStory(50, 4);
    const log = new MemoryLog('log', events);
    const repeating = Object.assign(Object.create(log) as MemoryLog, {
      read: (after: number, options: { signal: AbortSignal }) => log.read(Math.max(0, after - 40), options),
    });
    const first = startProjector(fixture, repeating, { maxBatch: 60, onProgress: () => void first.stop() });
    await first.ended;
    await projectAll(fixture, repeating);
    await expectProjected(fixture, events);
  });

  it('is one projector however many run', async () => {
    const { events } = mixedStory(400, 5);
    const log = new MemoryLog('log', events.slice(0, 100));
    let wrote = 0;
    const onProgress = ({ events: written }: Progress) => (wrote += written);
    const pools = await Promise.all([1, 2, 3].map(() => openReadModels({ url: fixture.url, poolSize: 2 })));
    const running = pools.map((models) => startProjector({ models }, log, { maxBatch: 20, onProgress }));
    for (let at = 100; at < events.length; at += 50) {
      log.append(...events.slice(at, at + 50));
      expect(await fixture.models.positions.waitFor(log.last, 20_000)).toBe(true);
    }
    await Promise.all(running.map((each) => each.stop()));
    await Promise.all(pools.map((models) => models.close()));
    await expectProjected(fixture, events);
    expect(wrote).toBe(events.length);
  });

  it('stands by, and takes over from one that stopped', async () => {
    const { events } = mixedStory(100, 6);
    const log = new MemoryLog('log', events.slice(0, 50));
    const leader = startProjector(fixture, log);
    expect(await fixture.models.positions.waitFor(50, 10_000)).toBe(true);
    const other = startProjector(fixture, log);
    await eventually(() => other.projector.position === 50);
    await leader.stop();
    log.append(...events.slice(50));
    expect(await fixture.models.positions.waitFor(log.last, 10_000)).toBe(true);
    expect(other.projector.position).toBe(log.last);
    await other.stop();
    await expectProjected(fixture, events);
  });

  describe('refuses', () => {
    const { events } = mixedStory(20, 7);

    it.each([
      ['another log', 'log_mismatch', () => new MemoryLog('other', events)],
      ['a log that lost its end', 'log_shorter', () => new MemoryLog('log', events.slice(0, -1))],
      ['a log that was emptied', 'log_shorter', () => new MemoryLog('log')],
    ])('%s', async (_name, kind, replaced) => {
      await projectAll(fixture, new MemoryLog('log', events));
      await expect(startProjector(fixture, replaced()).ended).rejects.toMatchObject({ kind });
      await expectProjected(fixture, events);
    });

    it('a log without its beginning', async () => {
      const cut = new MemoryLog('log', events.slice(5));
      await expect(startProjector(fixture, cut).ended).rejects.toMatchObject({ kind: 'log_truncated' });
    });

    it('a log that took the place of its own while it ran', async () => {
      const log = new MemoryLog('log', events.slice(0, 20));
      const running = startProjector(fixture, log);
      expect(await fixture.models.positions.waitFor(20, 10_000)).toBe(true);
      const aMinuteOn = Date.now() + 60_000;
      const clock = jest.spyOn(Date, 'now').mockImplementation(() => aMinuteOn);
      log.id = 'other';
      log.append(...events.slice(20));
      await expect(running.ended).rejects.toMatchObject({ kind: 'log_mismatch' });
      clock.mockRestore();
      await expectProjected(fixture, events.slice(0, 20));
    });
  });

  it('waits for a log that is away', async () => {
    const { events } = mixedStory(20, 8);
    const log = new MemoryLog('log', events);
    log.down = true;
    const warnings: string[] = [];
    const logger = { log: () => undefined, error: () => undefined, warn: (line: string) => warnings.push(line) };
    const running = startProjector(fixture, log, { logger });
    await eventually(() => warnings.length > 1);
    log.down = false;
    expect(await fixture.models.positions.waitFor(log.last, 10_000)).toBe(true);
    await running.stop();
    expect(warnings[0]).toMatch(/will go on: The log is away/);
    await expectProjected(fixture, events);
  });

  it('projects text that Postgres cannot hold, with a replacement', async () => {
    const story = new Story();
    story.requested(1, {
      user_id: 'user-\0',
      metadata: { 'a\0': 'b\ud800' },
      provider_input: { prompt: 'nul \0, lone \udc00, escape \\u0000' },
    });
    await projectAll(fixture, new MemoryLog('log', story.events));
    const { rows } = await fixture.models.generations.list({
      userId: 'user-\0',
      filters: { metadata: { 'a\0': 'b\ud800' } },
      limit: 10,
      cursor: null,
      now: story.now,
    });
    expect(rows.map((row) => row.state.request.provider_input)).toEqual([
      { prompt: 'nul \uFFFD, lone \uFFFD, escape \\u0000' },
    ]);
  });

  it('stops right before an event that Postgres refuses, and names it', async () => {
    const { events } = mixedStory(30, 9);
    const poisoned = events.map((event, i) => (i === 60 ? { ...event, generationId: 'no-uuid' } : event));
    const running = startProjector(fixture, new MemoryLog('log', poisoned));
    await expect(running.ended).rejects.toMatchObject({
      kind: 'poison_event',
      message: expect.stringMatching(/position 61 .*generation no-uuid.* cannot be projected/),
    });
    await expectProjected(fixture, events.slice(0, 60));
  });

  it('stops before an event that does not fit', async () => {
    const { events } = mixedStory(30, 10);
    const missing = events.findIndex((event) => event.version === 2);
    const log = new MemoryLog('log', events.toSpliced(missing, 1));
    await expect(startProjector(fixture, log).ended).rejects.toMatchObject({ kind: 'poison_event' });
  });
});
