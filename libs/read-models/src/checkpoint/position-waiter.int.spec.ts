import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, startProjector, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { Story } from '../../test/stories.js';

describe('PositionWaiter', () => {
  let fixture: Fixture;
  const story = new Story();
  for (let n = 0; n < 10; n++) story.requested(n);
  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(() => fixture.close());

  it('tells each of many waiters when its position is there, or is not in time', async () => {
    const { positions } = fixture.models;
    const log = new MemoryLog('log');
    const running = startProjector(fixture, log);
    expect(await positions.position()).toBe(0);
    expect(await positions.waitFor(0, 1_000)).toBe(true);

    const early = Array.from({ length: 50 }, () => positions.waitFor(3, 10_000));
    const late = positions.waitFor(6, 300);
    log.append(...story.events.slice(0, 5));
    expect(await Promise.all(early)).toEqual(Array.from({ length: 50 }, () => true));
    expect(await late).toBe(false);
    expect(await positions.position()).toBe(5);

    log.append(...story.events.slice(5));
    expect(await positions.waitFor(10, 10_000)).toBe(true);
    await running.stop();
  });

  it('gives up when asked to', async () => {
    const abort = new AbortController();
    const waiting = fixture.models.positions.waitFor(1_000, 60_000, abort.signal);
    abort.abort();
    expect(await waiting).toBe(false);
    expect(await fixture.models.positions.waitFor(1, 60_000, abort.signal)).toBe(false);
  });
});
