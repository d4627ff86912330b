import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WorkerFixture } from './worker-fixture.js';

describe('the budget of creates', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.reset());
  afterEach(() => fixture.closeWorkers());

  const createdAt = () =>
    fixture.simulator.control
      .predictions()
      .map((prediction) => Date.parse(String(prediction.created_at)))
      .toSorted((a, b) => a - b);

  it('is shared by all workers: never more at the provider than the rule allows, in any window', async () => {
    // 60 at once after an idle time, then 18 a second.
    const perMinute = 1_200;
    const replicate = { ...fixture.config().replicate, createsPerMinute: perMinute };
    await Promise.all([fixture.startWorker({ replicate }), fixture.startWorker({ replicate })]);
    const ids = await Promise.all(Array.from({ length: 130 }, (_, i) => fixture.request({ prompt: `picture ${i}` })));
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 60_000)));
    expect(states.every(({ status }) => status === 'completed')).toBe(true);
    const times = createdAt();
    expect(times).toHaveLength(130);
    for (let first = 0; first < times.length; first++) {
      for (let last = first; last < times.length; last++) {
        // A permit may be two seconds old when it is used.
        const windowMs = times[last]! - times[first]! + 2_000;
        expect(last - first + 1).toBeLessThanOrEqual(60 + Math.ceil((windowMs * perMinute * 0.9) / 60_000));
      }
    }
    expect(times.at(-1)! - times[0]!).toBeGreaterThan(2_500);
  }, 90_000);

  it('a worker that takes up another’s predictions needs none of it', async () => {
    fixture.simulator.control.configure({ runMs: 4_000 });
    await fixture.startWorker();
    const ids = await Promise.all(Array.from({ length: 12 }, () => fixture.request()));
    await Promise.all(ids.map((id) => fixture.until(id, ({ current }) => current?.prediction != null)));
    await fixture.closeWorkers();
    // One create a minute, and that is for somebody else.
    const replicate = { ...fixture.config().replicate, createsPerMinute: 1 };
    await fixture.startWorker({ replicate });
    const states = await Promise.all(ids.map((id) => fixture.ended(id)));
    expect(states.every(({ status }) => status === 'completed')).toBe(true);
    expect(createdAt()).toHaveLength(12);
  }, 60_000);
});
