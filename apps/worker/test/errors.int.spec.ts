import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decode, WORK_STREAM, WorkQueue } from '@darkroom/events';
import { ProviderError } from '@darkroom/provider';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import type { FaultInput } from '../../simulator/src/start.js';
import { CreateGuards } from '../src/generate/create-guards.js';
import type { CreditGate } from '../src/generate/credit-gate.js';
import { ModelBreakers } from '../src/generate/model-breakers.js';
import { WorkerFixture } from './worker-fixture.js';

/** What a class of error does to a generation: its failed attempts (code, counted), the creates it took, and its end. */
interface Expected {
  readonly failed: readonly (readonly [string, boolean])[];
  readonly creates: number;
  readonly status: 'completed' | 'failed';
}

const retried = (code: string): Expected => ({ failed: [[code, true]], creates: 2, status: 'completed' });
const fatal = (code: string): Expected => ({ failed: [[code, true]], creates: 1, status: 'failed' });
const throttled: Expected = { failed: [['provider_throttled', false]], creates: 2, status: 'completed' };
const adopted: Expected = { failed: [], creates: 1, status: 'completed' };

const CLASSES: readonly (readonly [FaultInput, Expected])[] = [
  [{ kind: 'error_before_create', status: 401 }, fatal('provider_unauthorized')],
  [{ kind: 'error_before_create', status: 403 }, fatal('provider_unauthorized')],
  [{ kind: 'error_before_create', status: 404 }, fatal('provider_rejected')],
  [{ kind: 'error_before_create', status: 422 }, fatal('provider_rejected')],
  [{ kind: 'run_failure', error: 'NSFW content detected. Try another prompt.' }, fatal('content_refused')],
  [{ kind: 'run_failure', error: 'CUDA out of memory' }, retried('prediction_failed')],
  [{ kind: 'run_aborted' }, retried('prediction_aborted')],
  [{ kind: 'run_null_output' }, retried('empty_output')],
  [{ kind: 'throttled', retry_after: 1, told_by: 'header' }, throttled],
  [{ kind: 'throttled', retry_after: 1, told_by: 'body' }, throttled],
  [{ kind: 'throttled', retry_after: 1, told_by: 'text' }, throttled],
  [{ kind: 'error_after_create', status: 500 }, adopted],
  [{ kind: 'error_after_create', status: 503 }, adopted],
  [{ kind: 'reset_after_create' }, adopted],
  [{ kind: 'malformed_body' }, adopted],
];

describe('classes of errors', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => fixture.reset());
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();
  const failuresOf = async (id: string) => (await fixture.events(id)).filter((event) => event.type === 'AttemptFailed');

  it.each(CLASSES)('%j', async (fault, { failed, creates, status }) => {
    fixture.simulator.control.fault(fault);
    await fixture.startWorker();
    const id = await fixture.request({}, { maxAttempts: failed.some(([, counted]) => !counted) ? 1 : 3 });
    expect((await fixture.ended(id)).status).toBe(status);
    const failures = await failuresOf(id);
    // A fatal error is the generation's end, and told once.
    const told = status === 'failed' ? (await fixture.events(id)).filter(({ type }) => type === 'Failed') : failures;
    expect(told).toHaveLength(failed.length);
    if (status === 'completed') {
      expect(failures.map(({ data }) => [data.error.code, data.counted])).toEqual(failed);
    } else {
      expect((await fixture.state(id)).error).toMatchObject({ code: failed[0]![0], retryable: false });
    }
    expect(counters().creates_received).toBe(creates);
  });

  it.each([500, 503])(
    'a %i before anything was created has an unknown outcome: the next attempt is after its deadline',
    async (status) => {
      fixture.simulator.control.fault({ kind: 'error_before_create', status });
      await fixture.startWorker({ generationTimeoutMs: 12_000 });
      const id = await fixture.request();
      expect((await fixture.ended(id, 40_000)).status).toBe('completed');
      expect((await failuresOf(id)).map(({ data }) => [data.error.code, data.counted])).toEqual([
        ['outcome_unknown', true],
      ]);
      expect(counters()).toMatchObject({ creates_received: 2, predictions_created: 1 });
    },
    60_000,
  );

  it('a provider that cannot be reached certainly created nothing: retried with backoff', async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    const away = { ...fixture.config().replicate, baseUrl: `http://127.0.0.1:${port}/v1` };
    await fixture.startWorker({ replicate: away });
    const id = await fixture.request();
    expect(await fixture.ended(id)).toMatchObject({ status: 'failed', error: { code: 'provider_unavailable' } });
    expect((await fixture.types(id)).filter((type) => type === 'AttemptStarted')).toHaveLength(3);
  });

  it('three attempts are three and not four, and Failed comes after the last', async () => {
    fixture.simulator.control.fault({ kind: 'run_failure', error: 'CUDA out of memory', times: 'always' });
    await fixture.startWorker();
    const id = await fixture.request({}, { maxAttempts: 3 });
    await fixture.ended(id);
    await fixture.queueIsEmpty();
    const types = (await fixture.types(id)).filter((type) => type !== 'PredictionCreated');
    const attempt = ['AttemptStarted', 'AttemptFailed'];
    expect(types).toEqual(['GenerationRequested', ...attempt, ...attempt, 'AttemptStarted', 'Failed']);
    expect(counters().creates_received).toBe(3);
  });

  it('retries wait in the broker, twice as long each time, and hold no slot', async () => {
    fixture.simulator.control.fault({
      kind: 'run_failure',
      error: 'boom',
      match: { prompt: 'broken' },
      times: 'always',
    });
    // One slot: a retry that held it would keep the other generation out.
    await fixture.startWorker({ retryBaseMs: 1_000, concurrency: { generate: 1, download: 8 } });
    const id = await fixture.request({ prompt: 'broken' });
    const schedule = `schedule.generate.${id}`;
    const { streams } = fixture.broker.manager;
    const waiting = async (): Promise<boolean> =>
      (await streams.info(WORK_STREAM, { subjects_filter: schedule })).state.subjects?.[schedule] === 1;
    await eventually(waiting);
    const other = await fixture.request({ prompt: 'sound' });
    expect((await fixture.ended(other)).status).toBe('completed');

    await fixture.ended(id);
    const failures = await failuresOf(id);
    const waits = failures.map(({ data, time }) => Date.parse(data.retry_at) - Date.parse(time));
    expect(waits).toHaveLength(2);
    // Half of it is kept, half is drawn: 0.5 to 1 s, then 1 to 2 s.
    waits.forEach((wait, index) => {
      expect(wait).toBeGreaterThanOrEqual(480 * 2 ** index);
      expect(wait).toBeLessThanOrEqual(1_020 * 2 ** index);
    });
    const started = (await fixture.events(id)).filter((event) => event.type === 'AttemptStarted');
    failures.forEach(({ data }, index) => {
      expect(started[index + 1]!.time >= data.retry_at).toBe(true);
    });
  });

  it('told to wait, all workers wait, and nobody’s attempt is used up', async () => {
    fixture.simulator.control.fault({ kind: 'throttled', retry_after: 2 });
    await fixture.startWorker();
    await fixture.startWorker();
    const first = await fixture.request({}, { maxAttempts: 1 });
    const { retryAt } = await fixture.until(first, ({ error }) => error?.code === 'provider_throttled');
    const others = await Promise.all(Array.from({ length: 6 }, () => fixture.request({}, { maxAttempts: 1 })));
    const states = await Promise.all([first, ...others].map((id) => fixture.ended(id)));
    expect(states.map(({ status }) => status)).toEqual(states.map(() => 'completed'));
    expect(counters().creates_received).toBe(8);
    const until = new Date(Date.parse((await failuresOf(first))[0]!.time) + 1_900).toISOString();
    expect(retryAt! > until).toBe(true);
    for (const id of others) {
      const begun = (await fixture.events(id)).find((event) => event.type === 'AttemptStarted');
      expect(begun!.time >= until).toBe(true);
    }
  });

  it('a provider that is away costs no deliveries, and what it has made meanwhile is taken', async () => {
    fixture.simulator.control.fault(
      { kind: 'error_after_create', status: 502 },
      { kind: 'read_error', status: 503, times: 'always' },
    );
    const worker = await fixture.startWorker();
    const id = await fixture.request({}, { maxAttempts: 1 });
    // Four tries for each time that it is asked, and it is asked again.
    await eventually(() => counters().lists > 8, { timeoutMs: 20_000, what: 'a third look' });
    const metrics = await (await fetch(`${worker.url}/metrics`)).text();
    expect(metrics).toContain('darkroom_redeliveries_total{stage="generate"} 0');
    expect(await fixture.types(id)).toEqual(['GenerationRequested', 'AttemptStarted']);
    fixture.simulator.control.clearFaults();
    expect((await fixture.ended(id, 30_000)).status).toBe('completed');
    expect(counters().creates_received).toBe(1);
  }, 60_000);

  it('what was given up and then adopted is put off as work that is not outdated', async () => {
    const id = await fixture.request();
    const at = () => new Date().toISOString();
    const run = (command: object) => fixture.runner.execute(id, { commandId: uuidv7(), at: at(), ...command } as never);
    await run({ type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
    const { fence } = (await fixture.state(id)).current!;
    const error = { code: 'outcome_unknown', message: 'x', retryable: true };
    await run({ type: 'FailAttempt', fence, error, retryAt: at(), counted: true });
    const found = { provider: 'replicate', predictionId: 'p1', deadline: null, adopted: true };
    await run({ type: 'RecordPrediction', fence, ...found });
    const breakers = new ModelBreakers({ pauseMs: 1_000, onChange: () => undefined });
    const queue = new WorkQueue(fixture.broker);
    const guards = new CreateGuards(breakers, {} as CreditGate, queue, fixture.store, 600_000);
    const [request] = await fixture.events(id);
    await guards.unlessAway(request!, new AbortController().signal, async () => {
      throw new ProviderError('unavailable', 'away');
    });
    const put = await fixture.broker.manager.streams.getMessage(WORK_STREAM, {
      last_by_subj: `schedule.generate.${id}`,
    });
    expect(decode(put!.header, put!.data).version).toBeGreaterThanOrEqual((await fixture.state(id)).stageSince);
    await fixture.cancel(id);
  });

  it('throttled reads wait as long as they are told, and pay for nothing again', async () => {
    fixture.simulator.control.configure({ runMs: 500 });
    fixture.simulator.control.fault({ kind: 'read_error', status: 429, times: 2 });
    await fixture.startWorker();
    const id = await fixture.request();
    expect((await fixture.ended(id, 30_000)).status).toBe('completed');
    expect(counters().creates_received).toBe(1);
  }, 40_000);
});
