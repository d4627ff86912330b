import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SlotTable } from '@darkroom/events';
import { eventually } from '../../../test/support/eventually.js';
import { WorkerFixture } from './worker-fixture.js';

describe('users’ own lines', () => {
  let fixture: WorkerFixture;
  let slots: SlotTable;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
    slots = await SlotTable.open(fixture.broker);
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 100 });
  });
  afterEach(() => fixture.closeWorkers());

  const running = async (userId: string) => Object.keys((await slots.read(userId)).slots?.running ?? {});
  const startedAt = async (id: string) =>
    (await fixture.events(id)).find(({ type }) => type === 'AttemptStarted')?.position ?? Infinity;

  it('one worker slot, one at a time each: users take turns', async () => {
    await fixture.startWorker({ concurrency: { generate: 1, download: 8 } });
    const names = new Map<string, string>();
    for (const name of ['A1', 'A2', 'B1', 'C1', 'C2', 'A3']) {
      names.set(await fixture.request({ prompt: name }, { userId: `turns-${name[0]}`, limit: 1 }), name);
    }
    for (const id of names.keys()) expect((await fixture.ended(id)).status).toBe('completed');
    const starts = await Promise.all([...names].map(async ([id, name]) => [await startedAt(id), name] as const));
    const order = starts.sort(([one], [other]) => one - other).map(([, name]) => name);
    expect(order).toEqual(['A1', 'B1', 'C1', 'A2', 'C2', 'A3']);
    await fixture.queueIsEmpty();
    for (const user of ['A', 'B', 'C']) await eventually(async () => (await running(`turns-${user}`)).length === 0);
  });

  it('never runs more of a user’s than the limit, retries and downloads included', async () => {
    fixture.simulator.control.configure({ runMs: 300 });
    fixture.simulator.control.fault({ kind: 'run_failure', error: 'boom', times: 3 });
    await fixture.startWorker();
    await fixture.startWorker();
    const ids = await Promise.all(
      Array.from({ length: 12 }, (_, i) => fixture.request({ prompt: `${i}` }, { userId: 'strict', limit: 3 })),
    );
    for (const id of ids) expect((await fixture.ended(id)).status).toBe('completed');
    const all = (await Promise.all(ids.map((id) => fixture.events(id)))).flat().sort((a, b) => a.position - b.position);
    const live = new Set<string>();
    let most = 0;
    for (const { type, generationId } of all) {
      if (type === 'AttemptStarted') live.add(generationId);
      if (type === 'Downloaded') live.delete(generationId);
      most = Math.max(most, live.size);
    }
    expect(most).toBe(3);
    await eventually(async () => (await running('strict')).length === 0);
  });

  it('a dispatcher that ends in the midst of it all forgets nobody', async () => {
    await fixture.startWorker({ roles: ['generate', 'download'] });
    let dispatcher = await fixture.startWorker({ roles: ['dispatch'] });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const some = Array.from({ length: 8 }, (_, n) => fixture.request({}, { userId: `midst-${n % 2}`, limit: 2 }));
      ids.push(...(await Promise.all(some)));
      await dispatcher.close();
      dispatcher = await fixture.startWorker({ roles: ['dispatch'] });
    }
    for (const id of ids) expect((await fixture.ended(id, 60_000)).status).toBe('completed');
    await fixture.queueIsEmpty();
    expect(fixture.simulator.control.counters().predictions_created).toBe(ids.length);
  }, 90_000);

  it('two thousand of one user’s in line: another’s request waits for no more than what is in hand', async () => {
    fixture.simulator.control.configure({ runMs: 400 });
    await fixture.startWorker({ concurrency: { generate: 2, download: 8 } });
    const many: string[] = [];
    for (let i = 0; i < 20; i++) {
      const hundred = Array.from({ length: 100 }, () => fixture.request({}, { userId: 'many', limit: 5 }));
      many.push(...(await Promise.all(hundred)));
    }
    await eventually(async () => (await running('many')).length === 5);
    const one = await fixture.request({}, { userId: 'one', limit: 5 });
    await fixture.until(one, ({ startedAt }) => startedAt !== null);
    const requested = (await fixture.events(one))[0]!.position;
    const started = await startedAt(one);
    const meanwhile = await Promise.all(many.map(startedAt));
    // Those that were in the lane before it, and were let in behind it while it waited: none of the line.
    expect(meanwhile.filter((position) => position > requested && position < started).length).toBeLessThanOrEqual(5);

    await Promise.all(many.map((id) => fixture.cancel(id).catch(() => undefined)));
    await fixture.queueIsEmpty(60_000);
    await eventually(async () => (await running('many')).length === 0, { timeoutMs: 30_000 });
    const { state } = await fixture.broker.manager.streams.info('WORK', { subjects_filter: 'line.>' });
    expect(state.subjects ?? {}).toEqual({});
  }, 150_000);
});

describe('schedules', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  afterEach(() => fixture.closeWorkers());

  const inWork = async () =>
    Object.keys((await fixture.broker.manager.streams.info('WORK', { subjects_filter: '>' })).state.subjects ?? {});
  const scheduled = (id: string, stage = 'admit') =>
    eventually(async () => (await inWork()).includes(`schedule.${stage}.${id}`));
  const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

  it('a time that has passed is now', async () => {
    await fixture.startWorker();
    const id = await fixture.request({}, { scheduledAt: inMs(-60_000), limit: 1 });
    expect((await fixture.ended(id)).status).toBe('completed');
  });

  it('without a limit it goes straight to who generates, at its time', async () => {
    await fixture.startWorker();
    const scheduledAt = inMs(2_000);
    const id = await fixture.request({}, { scheduledAt });
    await scheduled(id, 'due');
    const { status, startedAt } = await fixture.ended(id);
    expect(status).toBe('completed');
    expect(startedAt! >= scheduledAt).toBe(true);
    expect(await inWork()).toEqual([]);
  });

  it('keeps its time over a restart of the broker, and its user’s limit then', async () => {
    await fixture.startWorker();
    const scheduledAt = inMs(3_000);
    const ids = [
      await fixture.request({}, { userId: 'later', limit: 1, scheduledAt }),
      await fixture.request({}, { userId: 'later', limit: 1, scheduledAt }),
    ];
    for (const id of ids) await scheduled(id);
    // Not killed: a server that is may forget the work of its last moments (docs/adr/0024).
    await fixture.nats.restart();
    const [one, other] = await Promise.all(ids.map((id) => fixture.ended(id, 30_000)));
    for (const { startedAt, status } of [one!, other!]) {
      expect(status).toBe('completed');
      expect(startedAt! >= scheduledAt).toBe(true);
    }
    const [first, second] = [one!, other!].sort((a, b) => a.startedAt!.localeCompare(b.startedAt!));
    expect(second!.startedAt! >= first!.completedAt!).toBe(true);
  }, 60_000);

  it('cancelled before its time, it leaves nothing behind', async () => {
    await fixture.startWorker();
    const id = await fixture.request({}, { scheduledAt: inMs(3_600_000), limit: 1 });
    await scheduled(id);
    await fixture.cancel(id);
    await eventually(async () => (await inWork()).length === 0);
    expect(await fixture.types(id)).toEqual(['GenerationRequested', 'Cancelled']);
  });
});
