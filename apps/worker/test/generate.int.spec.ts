import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openStorage } from '@darkroom/storage';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

describe('from a request to stored images', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 100 });
  });
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();
  const statusesAtProvider = () => fixture.simulator.control.predictions().map(({ status }) => status);

  it('writes every fact once, pays once, and stores what the model drew', async () => {
    await fixture.startWorker();
    const id = await fixture.request({ prompt: 'a red fox', aspect_ratio: '3:2', output_format: 'png', seed: 0 });
    const state = await fixture.ended(id);

    expect(state.status).toBe('completed');
    expect(await fixture.types(id)).toEqual([
      'GenerationRequested',
      'AttemptStarted',
      'PredictionCreated',
      'Generated',
      'AttemptStarted',
      'Downloaded',
    ]);
    expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
    expect(state.generated).toMatchObject({ seed: 0, actual_cost_usd: 0.003 });

    const [image] = state.images;
    const stored = await buffer(await (await openStorage(fixture.config().storageUrl)).read(image!.storage_key));
    const drawn = await sharp(stored).metadata();
    expect(image).toMatchObject({ format: 'png', content_type: 'image/png', width: 1216, height: 832, index: 0 });
    expect([drawn.format, drawn.width, drawn.height, stored.length]).toEqual(['png', 1216, 832, image!.bytes]);
    await fixture.queueIsEmpty();
  });

  it('stores all images of one generation, each under its own id', async () => {
    await fixture.startWorker();
    const id = await fixture.request({ modelId: 'stability-ai/sdxl', width: 512, height: 768, num_outputs: 3 });
    const { images } = await fixture.ended(id);
    expect(images.map(({ index, width, height, format }) => [index, width, height, format])).toEqual([
      [0, 512, 768, 'png'],
      [1, 512, 768, 'png'],
      [2, 512, 768, 'png'],
    ]);
    expect(new Set(images.map((image) => image.id)).size).toBe(3);
    expect(new Set(images.map((image) => image.sha256)).size).toBe(3);
  });

  it('waits for its time, and not longer', async () => {
    await fixture.startWorker();
    const scheduledAt = new Date(Date.now() + 1_500).toISOString();
    const id = await fixture.request({}, { scheduledAt });
    expect((await fixture.state(id)).status).toBe('scheduled');
    const { startedAt, status } = await fixture.ended(id);
    expect(status).toBe('completed');
    expect(startedAt! >= scheduledAt).toBe(true);
  });

  describe('when the answer of a create is lost', () => {
    it.each([
      ['the connection is reset', { kind: 'reset_after_create' }],
      ['the provider answers 502', { kind: 'error_after_create', status: 502 }],
      ['the answer is cut', { kind: 'malformed_body' }],
    ] as const)('because %s, it adopts the prediction and pays once', async (_name, fault) => {
      fixture.simulator.control.fault(fault);
      await fixture.startWorker();
      const id = await fixture.request();
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
      const events = await fixture.events(id);
      expect(events.find((event) => event.type === 'PredictionCreated')?.data).toMatchObject({ adopted: true });
    });

    it('again and again, for thirty generations that ask for the same: thirty predictions', async () => {
      fixture.simulator.control.fault({ kind: 'reset_after_create', times: 'always' });
      await fixture.startWorker();
      const ids = await Promise.all(Array.from({ length: 30 }, () => fixture.request({ prompt: 'the very same' })));
      const states = await Promise.all(ids.map((id) => fixture.ended(id, 60_000)));
      expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
      expect(counters()).toMatchObject({ creates_received: 30, predictions_created: 30 });
      const predictions = states.map((state) => state.generated!.prediction_id);
      expect(new Set(predictions).size).toBe(30);
    }, 90_000);

    it('and there is no prediction: it asks again only after the first could not run any more', async () => {
      fixture.simulator.control.fault({ kind: 'reset_before_create' });
      // Half of it for the first attempt, and then still time for a second.
      await fixture.startWorker({ generationTimeoutMs: 14_000 });
      const id = await fixture.request();
      expect((await fixture.ended(id, 40_000)).status).toBe('completed');
      expect(counters()).toMatchObject({ creates_received: 2, predictions_created: 1 });
      const events = await fixture.events(id);
      const [first, second] = events.filter((event) => event.type === 'AttemptStarted');
      const failed = events.find((event) => event.type === 'AttemptFailed');
      expect(failed?.data).toMatchObject({ error: { code: 'outcome_unknown' }, counted: true });
      expect(second!.time >= first!.data.deadline!).toBe(true);
    }, 60_000);
  });

  describe('when the model fails', () => {
    it('it is tried three times and not four', async () => {
      fixture.simulator.control.fault({ kind: 'run_failure', error: 'CUDA out of memory', times: 'always' });
      await fixture.startWorker();
      const id = await fixture.request();
      expect(await fixture.ended(id)).toMatchObject({
        status: 'failed',
        error: { code: 'prediction_failed', message: 'CUDA out of memory', stage: 'generate' },
      });
      expect(counters().predictions_created).toBe(3);
      await fixture.queueIsEmpty();
      const types = await fixture.types(id);
      expect(types.filter((type) => type === 'AttemptStarted')).toHaveLength(3);
      expect(types.at(-1)).toBe('Failed');
      expect(types.filter((type) => type === 'Failed')).toHaveLength(1);
    });

    it.each([
      [{ kind: 'run_failure', error: 'boom' }, 'prediction_failed'],
      [{ kind: 'run_aborted' }, 'prediction_aborted'],
      [{ kind: 'run_null_output' }, 'empty_output'],
      [{ kind: 'run_unknown_status', status: 'exploded', terminal: true }, 'prediction_failed'],
    ] as const)('once (%j), the next attempt gives the image', async (fault, code) => {
      fixture.simulator.control.fault(fault);
      await fixture.startWorker();
      const id = await fixture.request();
      expect((await fixture.ended(id)).status).toBe('completed');
      const failed = (await fixture.events(id)).find((event) => event.type === 'AttemptFailed');
      expect(failed?.data.error.code).toBe(code);
      expect(counters().predictions_created).toBe(2);
    });

    it('because of what was asked for, it is not tried again', async () => {
      fixture.simulator.control.fault({ kind: 'run_failure', error: 'NSFW content detected. Try another prompt.' });
      await fixture.startWorker();
      const id = await fixture.request();
      expect(await fixture.ended(id)).toMatchObject({ status: 'failed', error: { code: 'content_refused' } });
      expect(counters().predictions_created).toBe(1);
    });

    it('never to end, whatever its deadline, it is stopped', async () => {
      fixture.simulator.control.fault({ kind: 'run_never_finishes', ignores_deadline: true });
      await fixture.startWorker({ generationTimeoutMs: 5_000 });
      const id = await fixture.request({}, { maxAttempts: 1 });
      const state = await fixture.ended(id, 30_000);
      expect(state).toMatchObject({ status: 'failed' });
      expect(['prediction_timeout', 'prediction_canceled']).toContain(state.error!.code);
      expect(statusesAtProvider()).toEqual(['canceled']);
    }, 40_000);

    it('reads of its state that fail are only repeated', async () => {
      fixture.simulator.control.configure({ runMs: 1_000 });
      fixture.simulator.control.fault({ kind: 'read_error', status: 500, times: 3 }, { kind: 'read_reset', times: 3 });
      await fixture.startWorker();
      const id = await fixture.request();
      expect((await fixture.ended(id)).status).toBe('completed');
      expect(counters().predictions_created).toBe(1);
    });
  });

  describe('cancelling', () => {
    it('a running generation cancels its prediction and empties the queue', async () => {
      fixture.simulator.control.configure({ runMs: 60_000 });
      await fixture.startWorker();
      const id = await fixture.request();
      await fixture.until(id, ({ current }) => current?.prediction != null);
      await fixture.cancel(id);
      await eventually(() => statusesAtProvider().join() === 'canceled');
      await fixture.queueIsEmpty();
      expect((await fixture.state(id)).status).toBe('cancelled');
      expect((await fixture.types(id)).at(-1)).toBe('Cancelled');
    });

    it('cancels the prediction also when its worker is gone', async () => {
      fixture.simulator.control.configure({ runMs: 60_000 });
      await fixture.startWorker();
      const id = await fixture.request();
      await fixture.until(id, ({ current }) => current?.prediction != null);
      await fixture.closeWorkers();
      await fixture.cancel(id);
      expect(statusesAtProvider()).not.toContain('canceled');
      await fixture.startWorker();
      await eventually(() => statusesAtProvider().join() === 'canceled');
      await fixture.queueIsEmpty();
    });

    it('while the create is under way: what it brings is cancelled at once', async () => {
      fixture.simulator.control.configure({ runMs: 60_000 });
      fixture.simulator.control.fault({ kind: 'slow_answer', ms: 1_000 });
      await fixture.startWorker();
      const id = await fixture.request();
      await eventually(() => counters().creates_received === 1);
      await fixture.cancel(id);
      await eventually(() => statusesAtProvider().join() === 'canceled');
      await fixture.queueIsEmpty();
      expect(await fixture.types(id)).toEqual(['GenerationRequested', 'AttemptStarted', 'Cancelled']);
    });

    it('before it began: nothing is asked of the provider', async () => {
      const id = await fixture.request();
      await fixture.cancel(id);
      await fixture.startWorker();
      await fixture.queueIsEmpty();
      expect(await fixture.types(id)).toEqual(['GenerationRequested', 'Cancelled']);
      expect(counters().creates_received).toBe(0);
    });
  });

  it('a worker that ends hands its work to the next: the same prediction, no attempt spent', async () => {
    fixture.simulator.control.configure({ runMs: 2_000 });
    await fixture.startWorker();
    const ids = await Promise.all(Array.from({ length: 10 }, () => fixture.request()));
    await Promise.all(ids.map((id) => fixture.until(id, ({ current }) => current?.prediction != null)));
    await fixture.closeWorkers();
    await fixture.startWorker();
    const states = await Promise.all(ids.map((id) => fixture.ended(id)));
    expect(states.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
    expect(counters().predictions_created).toBe(10);
    for (const id of ids) expect(await fixture.types(id)).not.toContain('AttemptFailed');
  });

  it('two workers share the work and pay for each generation once', async () => {
    await fixture.startWorker();
    await fixture.startWorker();
    const ids = await Promise.all(Array.from({ length: 40 }, (_, i) => fixture.request({ prompt: `picture ${i}` })));
    const states = await Promise.all(ids.map((id) => fixture.ended(id, 40_000)));
    expect(states.every(({ status }) => status === 'completed')).toBe(true);
    expect(counters()).toMatchObject({ creates_received: 40, predictions_created: 40 });
    expect(Object.values(counters().by_input)).toEqual(ids.map(() => 1));
  }, 60_000);

  /** Says of the generation's work what the broker says at its delivery limit. */
  async function exhaust(id: string, at?: string): Promise<void> {
    const { streams } = fixture.broker.manager;
    const waiting = await eventually(() => streams.getMessage('WORK', { last_by_subj: `work.generate.normal.${id}` }));
    const timestamp = at ?? new Date().toISOString();
    const advisory = {
      stream: 'WORK',
      consumer: 'generate-normal',
      stream_seq: waiting.seq,
      deliveries: 25,
      timestamp,
    };
    const subject = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.WORK.generate-normal';
    fixture.broker.connection.publish(subject, JSON.stringify(advisory));
  }

  it('work that was delivered too often fails its generation and leaves the queue', async () => {
    await fixture.startWorker({ roles: ['dispatch'] });
    const id = await fixture.request();
    await exhaust(id);
    expect(await fixture.ended(id)).toMatchObject({ status: 'failed', error: { code: 'delivery_exhausted' } });
    const filter = { subjects_filter: `work.*.*.${id}` };
    const left = async () => (await fixture.broker.manager.streams.info('WORK', filter)).state.subjects ?? {};
    await eventually(async () => Object.keys(await left()).length === 0, { what: 'its work to be removed' });
  });

  it('what was given up before a power cut does not fail the work that has its place in the queue since', async () => {
    await fixture.startWorker({ roles: ['dispatch'] });
    const before = new Date().toISOString();
    const id = await fixture.request();
    await exhaust(id, before);
    const { streams, consumers } = fixture.broker.manager;
    await eventually(async () => (await consumers.info('ADVISORIES', 'exhausted')).delivered.consumer_seq > 0);
    await eventually(async () => (await streams.info('ADVISORIES')).state.messages === 0);
    expect((await fixture.state(id)).status).toBe('queued');
    await fixture.startWorker({ roles: ['generate', 'download'] });
    expect((await fixture.ended(id)).status).toBe('completed');
  });

  it('a retry of work that was given up takes up the prediction that still runs', async () => {
    fixture.simulator.control.configure({ runMs: 3_000 });
    await fixture.startWorker();
    const id = await fixture.request();
    await fixture.until(id, ({ current }) => current?.prediction != null);
    await fixture.closeWorkers();
    await fixture.startWorker({ roles: ['dispatch'] });
    await exhaust(id);
    expect(await fixture.ended(id)).toMatchObject({ status: 'failed', error: { code: 'delivery_exhausted' } });
    const retry = { type: 'Retry', commandId: 'retry-1', at: new Date().toISOString(), by: 'user-1' } as const;
    await fixture.runner.execute(id, retry);
    await fixture.startWorker({ roles: ['generate', 'download'] });
    expect((await fixture.until(id, ({ status }) => status === 'completed')).images).toHaveLength(1);
    expect(counters().predictions_created).toBe(1);
  });

  /** The generate stage alone, over a store or a runner that does what they do on a bad day. */
});
