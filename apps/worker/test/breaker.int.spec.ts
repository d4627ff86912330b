import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

const BROKEN = 'black-forest-labs/flux-dev';
const SOUND = 'black-forest-labs/flux-schnell';

describe('the circuit breaker of a model', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.reset());
  afterEach(() => fixture.closeWorkers());

  const created = (model: string) => fixture.simulator.control.counters().by_model[model] ?? 0;
  const ask = (count: number, modelId: string, maxAttempts = 1) =>
    Promise.all(Array.from({ length: count }, () => fixture.request({ modelId }, { maxAttempts })));
  const startWorker = (brokenModelMs: number) =>
    fixture.startWorker({ pauses: { outOfCreditMs: 60_000, brokenModelMs } });

  async function state(): Promise<number | undefined> {
    const text = await (await fetch(`${fixture.workers[0]!.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`darkroom_circuit_breaker_state{model="${BROKEN}"}`));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  }

  /** Ten attempts that fail for the model's own reasons. */
  async function breakIt(): Promise<void> {
    fixture.simulator.control.fault({ kind: 'run_failure', error: 'boom', match: { model: BROKEN }, times: 'always' });
    const ids = await ask(10, BROKEN);
    await Promise.all(ids.map((id) => fixture.ended(id)));
    await eventually(async () => (await state()) === 2);
  }

  it('opens, puts its work off without an event or an attempt, and leaves other models alone', async () => {
    await startWorker(60_000);
    expect(await state()).toBe(0);
    await breakIt();
    const waiting = await ask(5, BROKEN);
    const [sound] = await ask(1, SOUND);
    expect((await fixture.ended(sound!)).status).toBe('completed');
    await fixture.queueIsEmpty();
    for (const id of waiting) expect(await fixture.types(id)).toEqual(['GenerationRequested']);
    expect(created(BROKEN)).toBe(10);
    for (const id of waiting) await fixture.cancel(id);
  });

  it('lets one through to see; while that fails nothing else is asked, and when it succeeds all follow', async () => {
    await startWorker(1_000);
    await breakIt();
    const ids = await ask(8, BROKEN, 3);
    // The probe fails as well, after which it is as broken as before.
    await eventually(() => created(BROKEN) === 11);
    await eventually(async () => (await state()) === 2);
    expect(created(BROKEN)).toBe(11);
    fixture.simulator.control.clearFaults();
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 40_000)));
    expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(await state()).toBe(0);
  }, 60_000);

  it('opens when nobody answers at all; what was begun is taken up again, and not paid for twice', async () => {
    fixture.simulator.control.fault(
      { kind: 'error_after_create', status: 502, match: { model: BROKEN }, times: 'always' },
      { kind: 'read_error', status: 503, times: 'always' },
    );
    await startWorker(60_000);
    const ids = await ask(10, BROKEN);
    await eventually(async () => (await state()) === 2, { timeoutMs: 20_000, what: 'an open breaker' });
    const others = await ask(5, BROKEN);
    await fixture.dispatched();
    fixture.simulator.control.clearFaults();
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 60_000)));
    expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(created(BROKEN)).toBe(10);
    for (const id of others) await fixture.cancel(id);
  }, 90_000);

  it('is not about what was asked for, nor about us', async () => {
    fixture.simulator.control.fault(
      { kind: 'error_before_create', status: 422, match: { model: BROKEN }, times: 6 },
      { kind: 'run_failure', error: 'NSFW content', match: { model: BROKEN }, times: 6 },
    );
    await startWorker(60_000);
    const ids = await ask(12, BROKEN);
    await Promise.all(ids.map((id) => fixture.ended(id)));
    expect(await state()).toBe(0);
  });

  it('does not keep a generation past its time', async () => {
    await startWorker(60_000);
    await breakIt();
    const deadline = new Date(Date.now() + 1_500).toISOString();
    const id = await fixture.request({ modelId: BROKEN }, { deadline });
    expect(await fixture.ended(id)).toMatchObject({ status: 'failed', error: { code: 'deadline_passed' } });
    expect(created(BROKEN)).toBe(10);
  });
});
