import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

describe('the time of a generation', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.simulator.control.reset());
  afterEach(() => fixture.closeWorkers());

  const allowed = () =>
    fixture.simulator.control
      .predictions()
      .map(({ created_at, deadline }) => (Date.parse(deadline as string) - Date.parse(created_at as string)) / 1_000);

  it('is shared by its attempts: half of what remains for each, all of it for the last', async () => {
    fixture.simulator.control.fault({ kind: 'run_failure', times: 3 });
    await fixture.startWorker({ generationTimeoutMs: 400_000 });
    const id = await fixture.request();
    expect((await fixture.ended(id)).status).toBe('failed');
    const [last, second, first] = allowed().toSorted((one, other) => other - one);
    expect([first, second]).toEqual([expect.closeTo(199, -1), expect.closeTo(199, -1)]);
    expect(last).toBeGreaterThan(390);
    expect(last).toBeLessThanOrEqual(400);
  });

  it('ends it when no other attempt could begin in it', async () => {
    fixture.simulator.control.fault({ kind: 'run_failure', error: 'out of memory' });
    await fixture.startWorker({ generationTimeoutMs: 5_000, retryBaseMs: 60_000 });
    const id = await fixture.request();
    expect(await fixture.ended(id)).toMatchObject({
      status: 'failed',
      error: { code: 'generation_timeout', message: 'No time was left for another attempt: out of memory' },
      spent: { generate: 1 },
    });
    await fixture.queueIsEmpty();
  });

  it('is up to the client, too: what its deadline found in the queue is not started', async () => {
    const deadline = new Date(Date.now() + 300).toISOString();
    const [late, inTime] = [await fixture.request({}, { deadline }), await fixture.request()];
    await eventually(() => new Date().toISOString() > deadline);
    await fixture.startWorker();
    expect(await fixture.ended(late)).toMatchObject({ status: 'failed', error: { code: 'deadline_passed' } });
    expect((await fixture.ended(inTime)).status).toBe('completed');
    expect(await fixture.types(late)).toEqual(['GenerationRequested', 'Failed']);
    expect(fixture.simulator.control.counters().creates_received).toBe(1);
  });
});
