import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StageHolds } from '@darkroom/events';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

describe('an account without credit', () => {
  let fixture: WorkerFixture;
  let holds: StageHolds;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
    holds = await StageHolds.open(fixture.broker);
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.reset());
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();
  const refuse = (times: number | 'always' = 'always') =>
    fixture.simulator.control.fault({ kind: 'out_of_credit', times });
  const startWorker = (outOfCreditMs: number) =>
    fixture.startWorker({ pauses: { outOfCreditMs, brokenModelMs: 30_000 } });
  const requests = (count: number) =>
    Promise.all(Array.from({ length: count }, () => fixture.request({}, { maxAttempts: 1 })));

  it('holds the stage for all workers; work waits and spends no attempt', async () => {
    refuse();
    await startWorker(60_000);
    await startWorker(60_000);
    const [id] = await requests(1);
    const state = await fixture.until(id!, ({ error }) => error !== null);
    expect(state).toMatchObject({
      status: 'queued',
      spent: { generate: 0 },
      error: { code: 'provider_out_of_credit' },
    });
    expect(Date.parse(state.retryAt!)).toBeGreaterThan(Date.now() + 50_000);
    await eventually(async () => (await holds.list()).some(({ reason }) => reason === 'out_of_credit'));
    const others = await requests(10);
    await fixture.dispatched();
    for (const other of others) expect(await fixture.types(other)).toEqual(['GenerationRequested']);
    expect(counters().creates_received).toBe(1);
    for (const each of [id!, ...others]) await fixture.cancel(each);
  });

  it('goes on by itself: one asks first, and when that is paid all others follow', async () => {
    refuse(3);
    await startWorker(1_200);
    const [first] = await requests(1);
    await fixture.until(first!, ({ error }) => error !== null);
    const ids = [first!, ...(await requests(20))];
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 40_000)));
    expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    // Three refusals, each of one create and not of all that waited.
    expect(counters()).toMatchObject({ creates_received: 24, predictions_created: 21 });
    expect(await holds.list()).toEqual([]);
  }, 60_000);

  it('goes on at once when an operator says so', async () => {
    refuse(1);
    await startWorker(60_000);
    const [first] = await requests(1);
    await fixture.until(first!, ({ error }) => error !== null);
    await eventually(async () => (await holds.list()).length > 0);
    const others = await requests(5);
    await holds.resume('generate');
    const states = await Promise.all(others.map((id) => fixture.ended(id)));
    expect(states.map(({ status }) => status)).toEqual(others.map(() => 'completed'));
    await fixture.cancel(first!);
  });

  it('uses up no deliveries of what is put off again and again', async () => {
    refuse(12);
    await startWorker(300);
    const ids = await requests(3);
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 60_000)));
    expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    const events = await Promise.all(ids.map((id) => fixture.events(id)));
    const refused = events.flat().filter((event) => event.type === 'AttemptFailed');
    expect(refused).toHaveLength(12);
    expect(refused.every(({ data }) => !data.counted)).toBe(true);
    await fixture.queueIsEmpty();
  }, 90_000);
});
