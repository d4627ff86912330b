import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Command, Generation } from '@darkroom/domain';
import { cancellingKey, GenerationNotes, SlotTable, workConsumer } from '@darkroom/events';
import { ReplicateProvider } from '@darkroom/provider';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

describe('cancelling at any moment', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(async () => {
    await fixture.reset();
    fixture.simulator.control.configure({ runMs: 60_000 });
  });
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();
  const atProvider = () => fixture.simulator.control.predictions().map(({ status }) => status);
  const inWork = async () =>
    Object.keys((await fixture.broker.manager.streams.info('WORK', { subjects_filter: '>' })).state.subjects ?? {});
  const nothingIsLeft = async () => {
    await eventually(async () => (await inWork()).length === 0, { what: 'an empty work stream' });
    const cancelling = await GenerationNotes.open(fixture.broker, cancellingKey);
    expect(await cancelling.ids()).toEqual([]);
  };

  async function execute(id: string, intent: object): Promise<Generation> {
    const command = { ...intent, commandId: uuidv7(), at: new Date().toISOString() } as Command;
    const outcome = await fixture.runner.execute(id, command);
    if (outcome.kind !== 'done') throw new Error(outcome.rejection.code);
    return outcome.state;
  }

  /** Says, as a worker that then died, that an attempt has begun. */
  function begin(id: string, msUntilDeadline: number): Promise<Generation> {
    const deadline = new Date(Date.now() + msUntilDeadline).toISOString();
    return execute(id, { type: 'StartAttempt', stage: 'generate', worker: 'dead', deadline });
  }

  async function create(id: string) {
    const { request } = await fixture.state(id);
    const { model_id: model, provider_version: version, provider_input: input } = request;
    const provider = new ReplicateProvider(fixture.config().replicate);
    return provider.create({ model, version, input, cancelAfterSeconds: 60 });
  }

  it('work that waits in a lane disappears from the queue, and is not counted any more', async () => {
    await fixture.startWorker({ roles: ['dispatch'] });
    const ids = await Promise.all(Array.from({ length: 20 }, () => fixture.request()));
    await eventually(async () => (await inWork()).length === 20);
    for (const id of ids) await fixture.cancel(id);
    await nothingIsLeft();
    const { num_pending } = await fixture.broker.manager.consumers.info('WORK', workConsumer('generate', 'normal'));
    expect(num_pending).toBe(0);
  });

  it('a retry that waits for its time does not come', async () => {
    fixture.simulator.control.fault({ kind: 'out_of_credit' });
    await fixture.startWorker();
    const id = await fixture.request();
    await eventually(async () => (await inWork()).join() === `schedule.generate.${id}`);
    await fixture.cancel(id);
    await nothingIsLeft();
    expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 0 });
  });

  it('a place in the user’s line is given up; cancelling what runs lets the next one in', async () => {
    await fixture.startWorker();
    const user = { userId: 'leaver', limit: 1 };
    const [first, second, third] = [
      await fixture.request({}, user),
      await fixture.request({}, user),
      await fixture.request({}, user),
    ];
    await fixture.until(first, ({ current }) => current?.prediction != null);
    await eventually(async () => (await inWork()).filter((subject) => subject.startsWith('line.')).length === 2);
    await fixture.cancel(second);
    await fixture.cancel(first);
    await fixture.until(third, ({ current }) => current?.prediction != null);
    expect(await fixture.types(second)).toEqual(['GenerationRequested', 'Cancelled']);
    await fixture.cancel(third);
    await nothingIsLeft();
    const slots = await SlotTable.open(fixture.broker);
    await eventually(async () => Object.keys((await slots.read('leaver')).slots!.running).length === 0);
    expect(counters().predictions_created).toBe(2);
    await eventually(() => atProvider().every((status) => status === 'canceled'));
  });

  it('a prediction that appears in the provider’s list long after is cancelled all the same', async () => {
    const id = await fixture.request();
    await begin(id, 60_000);
    await fixture.cancel(id);
    await fixture.startWorker();
    await eventually(async () => (await inWork()).join() === `schedule.cancel.${id}`, { timeoutMs: 20_000 });
    // No worker waits for it meanwhile, and none has to live as long.
    await fixture.closeWorkers();
    await create(id);
    await fixture.startWorker();
    await eventually(() => atProvider().join() === 'canceled', { timeoutMs: 30_000 });
    await nothingIsLeft();
  }, 60_000);

  it('a prediction of the same input that somebody else is just being told of is left alone', async () => {
    fixture.simulator.control.configure({ runMs: 50 });
    fixture.simulator.control.fault({ kind: 'slow_answer', ms: 3_000 });
    const id = await fixture.request();
    await begin(id, 8_000);
    await fixture.cancel(id);
    const other = await fixture.request();
    await fixture.startWorker();
    expect((await fixture.ended(other)).status).toBe('completed');
    await eventually(async () => (await inWork()).length === 0, { timeoutMs: 30_000 });
    expect(counters()).toMatchObject({ creates_received: 1, cancels: 0 });
  }, 60_000);

  it('a prediction that never appears is looked for until it cannot be running any more', async () => {
    const id = await fixture.request();
    const deadline = (await begin(id, 8_000)).current!.deadline!;
    await fixture.cancel(id);
    await fixture.startWorker();
    await eventually(async () => (await inWork()).join() === `schedule.cancel.${id}`, { timeoutMs: 20_000 });
    await eventually(async () => (await inWork()).length === 0, { timeoutMs: 30_000 });
    expect(Date.now()).toBeGreaterThan(Date.parse(deadline));
    expect(counters()).toMatchObject({ creates_received: 0, cancels: 0 });
  }, 60_000);

  it('while it downloads: no image, and nothing left to do', async () => {
    fixture.simulator.control.configure({ runMs: 50 });
    fixture.simulator.control.fault({ kind: 'file_slow', ms: 1_000 });
    await fixture.startWorker();
    const id = await fixture.request({}, { userId: 'downloader', limit: 1 });
    await fixture.until(id, ({ current }) => current?.stage === 'download');
    await fixture.cancel(id);
    await fixture.queueIsEmpty();
    await nothingIsLeft();
    expect((await fixture.types(id)).slice(-2)).toEqual(['AttemptStarted', 'Cancelled']);
    expect(await fixture.state(id)).toMatchObject({ status: 'cancelled', images: [] });
  });

  it('a result that comes late loses', async () => {
    fixture.simulator.control.configure({ runMs: 600 });
    await fixture.startWorker({ roles: ['generate'] });
    const id = await fixture.request();
    const dispatcher = await fixture.startWorker({ roles: ['dispatch'] });
    const { current } = await fixture.until(id, ({ current }) => current?.prediction != null);
    // Nobody cancels it at the provider, so that it succeeds.
    await dispatcher.close();
    await fixture.cancel(id);
    await eventually(() => atProvider().join() === 'succeeded');
    await eventually(async () => (await inWork()).length === 0, { what: 'the end of its work' });
    const late = {
      type: 'RecordGenerated',
      fence: current!.fence,
      outputs: ['https://example.com/1.png'],
      outputsExpireAt: new Date(Date.now() + 60_000).toISOString(),
      metrics: { predict_time: 1, total_time: 1 },
      seed: null,
      actualCostUsd: null,
    };
    await expect(execute(id, late)).rejects.toThrow('invalid_state');
    expect((await fixture.types(id)).at(-1)).toBe('Cancelled');

    // The cancel that comes now finds it over.
    await fixture.startWorker({ roles: ['dispatch'] });
    await eventually(() => counters().cancels > 0);
    await nothingIsLeft();
    expect(atProvider()).toEqual(['succeeded']);
  });

  it('a prediction that the provider has forgotten needs no cancelling', async () => {
    const id = await fixture.request();
    const { current } = await begin(id, 60_000);
    const provider = { provider: 'replicate', predictionId: 'forgotten', deadline: null, adopted: false };
    await execute(id, { type: 'RecordPrediction', fence: current!.fence, ...provider });
    await fixture.cancel(id);
    await fixture.startWorker();
    await fixture.queueIsEmpty();
    await nothingIsLeft();
  });
});
