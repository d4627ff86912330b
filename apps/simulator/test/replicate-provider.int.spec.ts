import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { isTerminal, type PredictionRequest, type ProviderCall, ReplicateProvider } from '@darkroom/provider';
import { type FaultInput, type RunningSimulator, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';

const SDXL = '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc';
const request: PredictionRequest = {
  model: 'black-forest-labs/flux-schnell',
  version: null,
  input: { prompt: 'a lighthouse', seed: 7 },
  cancelAfterSeconds: 60,
};

let simulator: RunningSimulator;
let provider: ReplicateProvider;
const calls: ProviderCall[] = [];

beforeAll(async () => {
  simulator = await startSimulator({ runMs: 40 });
  provider = new ReplicateProvider({
    baseUrl: `${simulator.url}/v1`,
    token: 'r8_test',
    timeouts: { createMs: 2_000, readMs: 2_000 },
    onCall: (call) => calls.push(call),
  });
});
afterAll(() => simulator.close());
afterEach(() => {
  simulator.control.reset();
  calls.length = 0;
});

const ended = (id: string) =>
  eventually(
    () => provider.get(id),
    ({ status }) => isTerminal(status),
  );

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('a run', () => {
  it('of an official model ends with its files', async () => {
    const created = await provider.create(request);
    expect(created).toMatchObject({ model: request.model, status: 'starting', input: request.input, outputs: [] });
    expect(Date.parse(created.deadline ?? '') - Date.parse(created.createdAt)).toBe(60_000);

    const done = await ended(created.id);
    expect(done).toMatchObject({ status: 'succeeded', error: null, dataRemoved: false });
    expect(done.outputs).toEqual([`${simulator.url}/files/${created.id}/out-0.webp`]);
    expect(done.totalTime).toBeGreaterThanOrEqual(done.predictTime ?? Infinity);
    expect(done.logs).toContain('100%|');
  });

  it('of a community model is asked for by its version', async () => {
    const input = { prompt: 'a boat', num_outputs: 2, width: 64, height: 64 };
    const { id } = await provider.create({ ...request, model: 'stability-ai/sdxl', version: SDXL, input });
    const done = await ended(id);
    expect(done).toMatchObject({ status: 'succeeded', model: 'stability-ai/sdxl' });
    expect(done.outputs.map((url) => url.split('/').at(-1))).toEqual(['out-0.png', 'out-1.png']);
  });

  it.each<[string, FaultInput, object]>([
    [
      'fails',
      { kind: 'run_failure', error: 'NSFW content detected' },
      { status: 'failed', error: 'NSFW content detected' },
    ],
    ['is aborted before it starts', { kind: 'run_aborted' }, { status: 'aborted', predictTime: null }],
    ['succeeds with nothing', { kind: 'run_null_output' }, { status: 'succeeded', outputs: [] }],
    [
      'ends in a status that we do not know',
      { kind: 'run_unknown_status', status: 'evicted', terminal: true },
      { status: 'failed' },
    ],
  ])('%s', async (_name, fault, expected) => {
    simulator.control.fault(fault);
    const { id } = await provider.create(request);
    expect(await ended(id)).toMatchObject(expected);
  });

  it('in a status that we do not know goes on', async () => {
    simulator.control.fault({ kind: 'run_unknown_status', status: 'queued' });
    const { id } = await provider.create(request);
    await eventually(
      () => simulator.control.predictions(),
      ([prediction]) => prediction?.['status'] === 'queued',
    );
    expect(await provider.get(id)).toMatchObject({ status: 'processing', completedAt: null });
  });

  it('is cancelled, once and for all', async () => {
    simulator.control.fault({ kind: 'run_never_finishes' });
    const { id } = await provider.create(request);
    expect(await provider.cancel(id)).toMatchObject({ id, status: 'canceled' });
    expect(await provider.cancel(id)).toMatchObject({ id, status: 'canceled' });
    expect(calls.map(({ operation, code }) => [operation, code])).toEqual([
      ['create', 'ok'],
      ['cancel', 'ok'],
      ['cancel', 'ok'],
    ]);
  });

  it('that has ended stays as it was when it is cancelled', async () => {
    const { id } = await provider.create(request);
    const done = await ended(id);
    expect(await provider.cancel(id)).toEqual(done);
  });

  it('is ended by the provider at its deadline, as aborted if it had not begun', async () => {
    simulator.control.fault({ kind: 'run_never_finishes' }, { kind: 'run_time', ms: 60_000 });
    const begun = await provider.create({ ...request, cancelAfterSeconds: 5 });
    const waiting = await provider.create({ ...request, cancelAfterSeconds: 5 });
    expect(await ended(begun.id)).toMatchObject({ status: 'canceled' });
    expect(await ended(waiting.id)).toMatchObject({ status: 'aborted' });
  });
});

describe('a create whose answer does not come', () => {
  it.each<[FaultInput, number]>([
    [{ kind: 'reset_after_create' }, 1],
    [{ kind: 'reset_before_create' }, 0],
    [{ kind: 'error_after_create', status: 500 }, 1],
    [{ kind: 'error_before_create', status: 503 }, 0],
    [{ kind: 'error_before_create', status: 408 }, 0],
    [{ kind: 'malformed_body' }, 1],
    [{ kind: 'slow_answer', ms: 60_000 }, 1],
  ])('has an unknown outcome and is not sent again: %j', async (fault, created) => {
    simulator.control.fault(fault);
    await expect(provider.create(request)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    expect(simulator.control.counters()).toMatchObject({ creates_received: 1, predictions_created: created });
    expect(calls).toMatchObject([{ operation: 'create', code: 'outcome_unknown' }]);
  });

  it('can be found in the list by model and input', async () => {
    simulator.control.fault({ kind: 'reset_after_create' });
    const before = new Date().toISOString();
    await expect(provider.create(request)).rejects.toMatchObject({ kind: 'outcome_unknown' });
    const found = await collect(provider.list(before));
    expect(found).toMatchObject([{ model: request.model, input: request.input }]);
  });

  it('has an unknown outcome when it is stopped on its way, and none when it was stopped before', async () => {
    simulator.control.fault({ kind: 'slow_answer', ms: 60_000 });
    const stop = new AbortController();
    const creating = provider.create(request, { signal: stop.signal });
    await eventually(
      () => simulator.control.counters(),
      (counters) => counters.predictions_created === 1,
    );
    stop.abort();
    await expect(creating).rejects.toMatchObject({ kind: 'outcome_unknown' });

    await expect(provider.create(request, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'unavailable',
    });
    expect(simulator.control.counters()).toMatchObject({ creates_received: 1 });
  });
});

describe('a create that is refused', () => {
  it.each(['header', 'body', 'text', 'all'] as const)('as throttled tells the wait, by %s', async (told_by) => {
    simulator.control.fault({ kind: 'throttled', retry_after: 17, told_by });
    await expect(provider.create(request)).rejects.toMatchObject({
      kind: 'throttled',
      details: { status: 429, retryAfterSeconds: 17 },
    });
    expect(simulator.control.counters()).toMatchObject({ creates_received: 1, predictions_created: 0 });
  });

  it('above the rate limit is not repeated by the package', async () => {
    simulator.control.configure({ createsPerMinute: 1 });
    await provider.create(request);
    await expect(provider.create(request)).rejects.toMatchObject({ kind: 'throttled' });
    expect(simulator.control.counters()).toMatchObject({ creates_received: 2, predictions_created: 1 });
  });

  it('for want of credit says so', async () => {
    simulator.control.fault({ kind: 'out_of_credit' });
    await expect(provider.create(request)).rejects.toMatchObject({
      kind: 'out_of_credit',
      message: expect.stringContaining('Insufficient credit'),
    });
    expect(simulator.control.counters()).toMatchObject({ creates_received: 1, predictions_created: 0 });
  });

  it.each([
    [{ input: { seed: 1 } }, 'rejected', 'input: prompt is required'],
    [{ input: { prompt: 'x', num_outputs: 9 } }, 'rejected', 'input.num_outputs: Must be less than or equal to 4'],
    [{ model: 'nobody/nothing' }, 'not_found', 'could not be found'],
    [{ version: '0'.repeat(64) }, 'rejected', 'Invalid version'],
  ])('%j', async (change, kind, message) => {
    await expect(provider.create({ ...request, ...change })).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(message),
    });
  });

  it.each([{ cancelAfterSeconds: 4 }, { model: '../predictions' }, { version: 'latest' }, { webhook: 'nowhere' }])(
    'by our own schema is not sent: %j',
    async (change) => {
      await expect(provider.create({ ...request, ...change })).rejects.toMatchObject({ kind: 'rejected' });
      expect(simulator.control.counters().creates_received).toBe(0);
    },
  );
});

describe('a read', () => {
  it('is repeated over network errors and 5xx, a cancel too', async () => {
    const { id } = await provider.create(request);
    simulator.control.fault({ kind: 'read_reset' }, { kind: 'read_error', status: 502 });
    expect(await provider.get(id)).toMatchObject({ id });
    simulator.control.fault({ kind: 'read_reset' });
    expect(await provider.cancel(id)).toMatchObject({ id });
    expect(simulator.control.counters()).toMatchObject({ gets: 3, cancels: 2 });
  });

  it('gives up after some attempts', async () => {
    const { id } = await provider.create(request);
    simulator.control.fault({ kind: 'read_error', status: 500, times: 'always' });
    await expect(provider.get(id)).rejects.toMatchObject({ kind: 'unavailable', details: { status: 500 } });
    expect(simulator.control.counters().gets).toBe(4);
  });

  it('that is refused is not repeated', async () => {
    const { id } = await provider.create(request);
    simulator.control.fault({ kind: 'read_error', status: 403 });
    await expect(provider.get(id)).rejects.toMatchObject({ kind: 'unauthorized' });
    await expect(provider.get('no-such-id')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(provider.get('..')).rejects.toMatchObject({ kind: 'rejected' });
    expect(simulator.control.counters().gets).toBe(2);
  });

  it('lists every prediction since a time, newest first, page by page', async () => {
    simulator.control.configure({ runMs: 60_000 });
    await provider.create({ ...request, input: { prompt: 'too old' } });
    const since = await eventually(
      () => new Date(),
      (now) => now.getTime() > Date.parse(String(simulator.control.predictions()[0]?.['created_at'])),
    );
    for (let n = 0; n < 103; n += 1) await provider.create({ ...request, input: { prompt: `number ${n}` } });
    const listed = await collect(provider.list(since.toISOString()));
    expect(listed.map(({ input }) => input['prompt'])).toEqual(
      Array.from({ length: 103 }, (_, n) => `number ${102 - n}`),
    );
    expect(simulator.control.counters().lists).toBe(2);
  });

  it('after the files are removed has no output', async () => {
    const { id } = await provider.create(request);
    const done = await ended(id);
    simulator.control.configure({ fileTtlMs: 0 });
    expect(await provider.get(id)).toMatchObject({ status: 'succeeded', outputs: [], dataRemoved: true, input: {} });
    expect((await fetch(done.outputs[0] ?? '')).status).toBe(404);
  });
});

describe('a provider that cannot be reached', () => {
  it('is unavailable, for a create too: nothing was sent', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    server.close();
    await once(server, 'close');

    for (const host of ['127.0.0.1', 'localhost']) {
      const unreachable = new ReplicateProvider({ baseUrl: `http://${host}:${port}/v1`, token: 'r8_test' });
      await expect(unreachable.create(request)).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(unreachable.get('any')).rejects.toMatchObject({ kind: 'unavailable' });
    }
    const unknownHost = new ReplicateProvider({ baseUrl: 'http://darkroom.invalid/v1', token: 'r8_test' });
    await expect(unknownHost.create(request)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
