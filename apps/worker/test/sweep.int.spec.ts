import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import {
  cancellingKey,
  CONTROL_BUCKET,
  encode,
  EVENTS_STREAM,
  GenerationNotes,
  generationSubject,
  MAX_SENDS,
  Mender,
  StageHolds,
  SweepRecords,
  WORK_STREAM,
  WorkFinder,
  WorkQueue,
} from '@darkroom/events';
import { createMetrics } from '@darkroom/observability';
import { openReadModels, type ReadModels } from '@darkroom/read-models';
import { Kvm } from '@nats-io/kv';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../../../test/support/eventually.js';
import { startPostgres, type TestPostgres } from '../../../test/support/postgres.js';
import type { WorkerConfig } from '../src/config.js';
import { LostCancels } from '../src/sweep/lost-cancels.js';
import { LostWork } from '../src/sweep/lost-work.js';
import { WorkerFixture } from './worker-fixture.js';

describe('the sweeper', () => {
  let fixture: WorkerFixture;
  let postgres: TestPostgres;
  let readModels: ReadModels;
  beforeAll(async () => {
    [fixture, postgres] = await Promise.all([WorkerFixture.start(), startPostgres()]);
    readModels = await openReadModels({ url: postgres.url });
  }, 60_000);
  afterEach(() => fixture.closeWorkers());
  afterAll(async () => {
    await readModels.close();
    await fixture.stop();
    await postgres.remove();
  });

  const start = (roles: WorkerConfig['roles'], overrides: Partial<WorkerConfig> = {}) =>
    fixture.startWorker({ roles, databaseUrl: postgres.url, ...overrides });
  const purge = () => fixture.broker.manager.streams.purge(WORK_STREAM);
  const projected = async (): Promise<void> => {
    const { state } = await fixture.broker.manager.streams.info(EVENTS_STREAM);
    await eventually(async () => (await readModels.positions.position()) >= state.last_seq, { what: 'the projection' });
  };
  const sweeper = () => {
    const metrics = createMetrics();
    const net = new LostWork(fixture.broker, fixture.store, readModels, metrics, 0);
    const swept = async () => (await metrics.swept.get()).values.reduce((sum, { value }) => sum + value, 0);
    return { sweep: () => net.sweep(new AbortController().signal), swept };
  };
  const workOf = async (id: string) => {
    const { state } = await fixture.broker.manager.streams.info(WORK_STREAM, { subjects_filter: `*.*.*.${id}` });
    const held = await fixture.broker.manager.streams.info(WORK_STREAM, { subjects_filter: `schedule.*.${id}` });
    return { ...state.subjects, ...held.state.subjects };
  };

  it('brings everything to its end after the whole queue was lost, and nothing is paid twice', async () => {
    await start(['dispatch', 'generate', 'download', 'project', 'sweep'], {
      concurrency: { generate: 4, download: 2 },
    });
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 500 });
    const ids = await Promise.all(Array.from({ length: 24 }, (_, n) => fixture.request({ prompt: `lost ${n}` })));
    await fixture.until(ids[0]!, ({ status }) => status === 'downloading' || status === 'completed');
    await purge();
    for (const id of ids) expect((await fixture.ended(id, 40_000)).status).toBe('completed');
    const { by_input } = fixture.simulator.control.counters();
    expect(Object.values(by_input)).toEqual(ids.map(() => 1));
  }, 90_000);

  it('brings everything to its end after a power cut threw the queue back behind its consumers', async () => {
    await start(['dispatch', 'generate', 'download', 'project', 'sweep']);
    fixture.simulator.control.reset();
    const request = (count: number, name: string) =>
      Promise.all(Array.from({ length: count }, (_, n) => fixture.request({ prompt: `${name} ${n}` })));
    const messages = join(fixture.nats.dir, 'jetstream', '$G', 'streams', WORK_STREAM, 'msgs');
    const kept = await mkdtemp(join(tmpdir(), 'darkroom-work-'));
    const whileDown = async (change: () => Promise<void>) => {
      await fixture.nats.kill9();
      await eventually(() => !fixture.broker.connected);
      await change();
      await fixture.nats.restart();
      await eventually(() => fixture.broker.connected);
    };
    const lastOfWork = async () => (await fixture.broker.manager.streams.info(WORK_STREAM)).state.last_seq;

    await whileDown(() => cp(messages, kept, { recursive: true }));
    for (const id of await request(20, 'before')) await fixture.ended(id, 30_000);
    const holds = await StageHolds.open(fixture.broker);
    await holds.pause('generate', null);
    const waiting = await request(20, 'forgotten');
    await fixture.dispatched();
    const last = await lastOfWork();
    await whileDown(async () => {
      await rm(messages, { recursive: true });
      await cp(kept, messages, { recursive: true });
    });
    // Forty pieces of work for those before were gone, and twenty that waited: the sweeper may have put these again by now.
    expect(await lastOfWork()).toBeLessThan(last - 30);
    await holds.resume('generate');
    const ids = [...waiting, ...(await request(20, 'after'))];
    for (const id of ids) expect((await fixture.ended(id, 60_000)).status).toBe('completed');
    const { by_input } = fixture.simulator.control.counters();
    expect(Object.values(by_input)).toEqual(Array.from({ length: 60 }, () => 1));
    await rm(kept, { recursive: true });
  }, 150_000);

  it('leaves alone what waits in a queue that nobody serves, or for its time', async () => {
    await start(['dispatch', 'project']);
    const waiting = await fixture.request({ prompt: 'waits' });
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const scheduled = await fixture.request({ prompt: 'later' }, { scheduledAt: later });
    await eventually(async () => Object.keys(await workOf(waiting)).length === 1);
    await eventually(async () => Object.keys(await workOf(scheduled)).length === 1);
    await projected();
    const { sweep, swept } = sweeper();
    await sweep();
    await sweep();
    expect(await swept()).toBe(0);
    expect(Object.values(await workOf(waiting))).toEqual([1]);
    await fixture.cancel(scheduled);
    await purge();
    await fixture.cancel(waiting);
  });

  it('puts an attempt in hand back past the line of a user with a limit', async () => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 3_000 });
    await start(['dispatch', 'generate', 'project']);
    const id = await fixture.request({ prompt: 'in hand' }, { limit: 1 });
    await fixture.until(id, ({ current }) => current?.prediction != null);
    await projected();
    await fixture.closeWorkers();
    await purge();
    const { sweep, swept } = sweeper();
    await sweep();
    await sweep();
    expect(await workOf(id)).toEqual({ [`work.generate.normal.${id}`]: 1 });
    expect(await swept()).toBe(1);
    await start(['dispatch', 'generate', 'download']);
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(Object.values(fixture.simulator.control.counters().by_input)).toEqual([1]);
  }, 60_000);

  it('puts back at once what was given up and then adopted', async () => {
    await start(['dispatch', 'project']);
    const id = await fixture.request({ prompt: 'adopted' });
    const at = () => new Date().toISOString();
    const run = (command: object) => fixture.runner.execute(id, { commandId: uuidv7(), at: at(), ...command } as never);
    await run({ type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
    const { current } = await fixture.state(id);
    const error = { code: 'outcome_unknown', message: 'x', retryable: true };
    const retryAt = new Date(Date.now() + 3_600_000).toISOString();
    await run({ type: 'FailAttempt', fence: current!.fence, error, retryAt, counted: true });
    const found = { provider: 'replicate', predictionId: 'unknownthere', deadline: null, adopted: true };
    await run({ type: 'RecordPrediction', fence: current!.fence, ...found });
    await fixture.dispatched();
    await projected();
    await purge();
    const { sweep } = sweeper();
    await sweep();
    expect(await workOf(id)).toEqual({ [`work.generate.normal.${id}`]: 1 });
    // The provider does not know it: whoever has the work says so.
    await start(['generate']);
    await fixture.until(id, ({ error: known }) => known?.code === 'prediction_failed');
    await fixture.cancel(id);
  });

  it('puts back what waits for its next attempt at its time, and what is due at once', async () => {
    await start(['dispatch', 'project']);
    const id = await fixture.request({ prompt: 'backs off' });
    const at = () => new Date().toISOString();
    const run = (command: object) => fixture.runner.execute(id, { commandId: uuidv7(), at: at(), ...command } as never);
    await run({ type: 'StartAttempt', stage: 'generate', worker: 'w', deadline: null });
    const { current } = await fixture.state(id);
    const error = { code: 'prediction_failed', message: 'x', retryable: true };
    const retryAt = new Date(Date.now() + 3_600_000).toISOString();
    await run({ type: 'FailAttempt', fence: current!.fence, error, retryAt, counted: true });
    await eventually(async () => `schedule.generate.${id}` in (await workOf(id)));
    await projected();
    await purge();
    const { sweep, swept } = sweeper();
    await sweep();
    expect(await workOf(id)).toEqual({ [`schedule.generate.${id}`]: 1 });
    await sweep();
    expect(await swept()).toBe(1);
    await purge();
    await fixture.cancel(id);
  });

  it('puts back what is scheduled, long before its time', async () => {
    await start(['dispatch', 'project']);
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const id = await fixture.request({ prompt: 'later' }, { scheduledAt });
    await eventually(async () => `schedule.due.${id}` in (await workOf(id)));
    await projected();
    await purge();
    const { sweep, swept } = sweeper();
    await sweep();
    expect(await workOf(id)).toEqual({ [`schedule.due.${id}`]: 1 });
    await sweep();
    expect(await swept()).toBe(1);
    await fixture.cancel(id);
    await eventually(async () => Object.keys(await workOf(id)).length === 0);
  });

  const unheardCancels = async (idleMs: number) => {
    const notes = await GenerationNotes.open(fixture.broker, cancellingKey);
    const metrics = createMetrics();
    const queue = new WorkQueue(fixture.broker);
    const net = new LostCancels(fixture.store, queue, new WorkFinder(fixture.broker), notes, metrics, idleMs);
    const swept = async () => (await metrics.swept.get()).values.find(({ labels }) => labels.stage === 'cancel')?.value;
    return { notes, sweep: () => net.sweep(new AbortController().signal), swept };
  };

  it('has the prediction cancelled of which the queue has forgotten to tell the provider', async () => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 60_000 });
    await start(['dispatch', 'generate']);
    const id = await fixture.request({ prompt: 'cancelled' });
    await fixture.until(id, ({ current }) => current?.prediction != null);
    await fixture.closeWorkers();
    await start(['dispatch']);
    await fixture.cancel(id);
    const waiting = { [`work.cancel.normal.${id}`]: 1 };
    await eventually(async () => isDeepStrictEqual(await workOf(id), waiting));
    await purge();

    const { notes, sweep, swept } = await unheardCancels(0);
    await (await unheardCancels(60_000)).sweep();
    expect(await workOf(id)).toEqual({});
    await sweep();
    await sweep();
    expect(await workOf(id)).toEqual(waiting);
    expect(await swept()).toBe(1);
    await start(['generate']);
    await eventually(async () => (await notes.ids()).length === 0, { what: 'the provider to be told' });
    expect(fixture.simulator.control.predictions().map(({ status }) => status)).toEqual(['canceled']);
    await sweep();
    expect(await swept()).toBe(1);
    fixture.simulator.control.reset();
  });

  it('lets a cancelled prediction be that must have ended', async () => {
    await start(['dispatch']);
    const id = await fixture.request({ prompt: 'over' });
    const deadline = new Date(Date.now() + 1_000).toISOString();
    const begin = { type: 'StartAttempt', stage: 'generate', worker: 'dead', deadline } as const;
    await fixture.runner.execute(id, { ...begin, commandId: uuidv7(), at: new Date().toISOString() });
    await fixture.cancel(id);
    await eventually(async () => `work.cancel.normal.${id}` in (await workOf(id)));
    await purge();
    await eventually(() => new Date().toISOString() > deadline);
    const { notes, sweep, swept } = await unheardCancels(0);
    expect(await notes.ids()).toEqual([id]);
    await sweep();
    expect(await workOf(id)).toEqual({});
    expect(await notes.ids()).toEqual([]);
    expect(await swept()).toBe(0);
  });

  it('two at once put it once', async () => {
    await start(['dispatch', 'project']);
    const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => fixture.request({ prompt: `twice ${n}` })));
    await projected();
    await fixture.dispatched();
    await purge();
    const sweepers = [sweeper(), sweeper(), sweeper()];
    await Promise.all(sweepers.map(({ sweep }) => sweep()));
    for (const id of ids) expect(Object.values(await workOf(id))).toEqual([1]);
    const counts = await Promise.all(sweepers.map(({ swept }) => swept()));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ids.length);
    await start(['generate', 'download']);
    for (const id of ids) expect((await fixture.ended(id)).status).toBe('completed');
  });

  it('waits while PostgreSQL is away, says so, and goes on', async () => {
    const worker = await start(['dispatch', 'generate', 'download', 'project', 'sweep']);
    const holds = await StageHolds.open(fixture.broker);
    await holds.pause('generate', null);
    const id = await fixture.request({ prompt: 'patience' });
    await projected();
    await postgres.kill9();
    await purge();
    const interrupted = async () =>
      Number(/darkroom_sweeps_total\{net="work",outcome="interrupted"\} (\d+)/.exec(await metricsOf(worker.url))?.[1]);
    await eventually(async () => (await interrupted()) > 0, { timeoutMs: 20_000, what: 'an interrupted sweep' });
    expect((await fixture.state(id)).status).toBe('queued');
    await holds.resume('generate');
    await postgres.start();
    expect((await fixture.ended(id, 30_000)).status).toBe('completed');
  }, 60_000);

  it('goes by the log where the read models lag', async () => {
    const projector = await start(['project']);
    const id = await fixture.request({ prompt: 'over already' });
    await projected();
    await projector.close();
    fixture.workers.splice(0);
    await fixture.cancel(id);
    const { sweep, swept } = sweeper();
    await sweep();
    expect(await workOf(id)).toEqual({});
    expect(await swept()).toBe(0);
  });

  it('gives up on what does not move however often it is sent on, until somebody releases it', async () => {
    const worker = await start(['project']);
    const id = await fixture.request({ prompt: 'does not move' });
    await projected();
    const { sweep, swept } = sweeper();
    for (let times = 0; times < MAX_SENDS + 2; times++) {
      await sweep();
      // It waits in its queue for a while: that is no step forward.
      await sweep();
      await purge();
    }
    expect(await swept()).toBe(MAX_SENDS);
    const records = await SweepRecords.open(fixture.broker);
    expect(await records.givenUp()).toEqual([id]);
    await eventually(async () => /^darkroom_stuck_generations 1$/m.test(await metricsOf(worker.url)));

    await records.forget(id);
    const mender = new Mender(fixture.broker, fixture.store, records);
    const now = new Date().toISOString();
    expect(await mender.sendOn(await mender.examine(id, now), now)).toEqual({ stage: 'generate', at: null });
    await start(['dispatch', 'generate', 'download']);
    expect((await fixture.ended(id)).status).toBe('completed');
    await projected();
    await sweep();
    expect(await records.all()).toEqual([]);
    await eventually(async () => /^darkroom_stuck_generations 0$/m.test(await metricsOf(worker.url)));
  });

  it('leaves alone what it cannot read, and mends the rest', async () => {
    await start(['dispatch', 'project']);
    const unreadable = await fixture.request({ prompt: 'of a newer release' });
    const lost = await fixture.request({ prompt: 'lost' });
    await projected();
    await fixture.dispatched();
    await fixture.closeWorkers();
    const [event] = await fixture.events(unreadable);
    const { headers, body } = encode({ ...event!, id: uuidv7(), version: 2 });
    headers.set('ce-type', 'darkroom.generation.requested.v99');
    await fixture.broker.jetstream.publish(generationSubject(unreadable), body, { headers });
    await purge();
    const { sweep, swept } = sweeper();
    await sweep();
    expect(await swept()).toBe(1);
    expect(Object.values(await workOf(lost))).toEqual([1]);
    expect(await workOf(unreadable)).toEqual({});
    await fixture.broker.manager.streams.purge(EVENTS_STREAM, { filter: generationSubject(unreadable) });
  });

  it('has one turn in each interval, whoever asks', async () => {
    const records = await SweepRecords.open(fixture.broker);
    const bucket = await new Kvm(fixture.broker.jetstream).open(CONTROL_BUCKET);
    await bucket.purge('sweep');
    const turns = (now: number) =>
      Promise.all(Array.from({ length: 20 }, () => records.takeTurn(new Date(now), 60_000)));
    const now = Date.now();
    expect((await turns(now)).filter(Boolean)).toHaveLength(1);
    expect((await turns(now + 59_000)).filter(Boolean)).toHaveLength(0);
    expect((await turns(now + 60_000)).filter(Boolean)).toHaveLength(1);
    await bucket.purge('sweep');
  });

  it('puts nothing beside work that is there', async () => {
    const id = generationIdFrom(uuidv7());
    const event = { ...(await fixture.events(await fixture.request()))[0]!, generationId: id };
    const queue = new WorkQueue(fixture.broker);
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    expect(await queue.putAgain(event, 'generate', 'normal', soon)).toBe(true);
    expect(await queue.putAgain(event, 'generate', 'normal', soon)).toBe(false);
    expect(await queue.putAgain(event, 'generate', 'normal', null)).toBe(true);
    expect(await queue.putAgain(event, 'generate', 'normal', null)).toBe(false);
  });
});

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}
