import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { NATS_REFUSAL, serverThatSays } from '../../../test/support/server-that-says.js';
import { parseMetrics, type Samples } from '../../../test/system/metrics-text.js';
import { startWorker, type Worker } from '../src/create-worker.js';
import { WorkerFixture } from './worker-fixture.js';

async function readiness({ url }: Worker): Promise<{ status: number; states: Record<string, string> }> {
  const response = await fetch(`${url}/health/ready`);
  const { details } = (await response.json()) as { details: Record<string, { status: string }> };
  const states = Object.entries(details).map(([name, { status }]) => [name, status] as const);
  return { status: response.status, states: Object.fromEntries(states) };
}

async function scrape({ url }: Worker): Promise<Samples> {
  return parseMetrics(await (await fetch(`${url}/metrics`)).text());
}

describe('health and metrics of a worker', () => {
  let fixture: WorkerFixture;
  let database: TestDatabase;
  beforeAll(async () => {
    [fixture, database] = await Promise.all([WorkerFixture.start(), createTestDatabase()]);
  });
  afterEach(() => fixture.closeWorkers());
  afterAll(async () => {
    await fixture.stop();
    await database.drop();
  });

  it('are there while NATS takes connections and says nothing, and the worker closes at once', async () => {
    const silent = await serverThatSays('');
    const failures: Error[] = [];
    const config = fixture.config({ nats: { servers: [silent.address], replicas: 1, ackWaitMs: 30_000 } });
    const worker = await startWorker(config, (error) => failures.push(error));
    try {
      expect((await fetch(`${worker.url}/health/live`)).status).toBe(200);
      expect(await readiness(worker)).toEqual({ status: 503, states: { nats: 'down', storage: 'up' } });
      const samples = await scrape(worker);
      expect(samples.value('darkroom_dependency_up', { dependency: 'nats' })).toBe(0);
      expect(
        samples.value('darkroom_generations_total', { status: 'completed', model: 'black-forest-labs/flux-dev' }),
      ).toBe(0);
      expect(samples.value('darkroom_queue_depth', { stage: 'generate', lane: 'normal' })).toBeUndefined();
    } finally {
      const began = performance.now();
      await worker.close();
      expect(performance.now() - began).toBeLessThan(1_000);
      silent.close();
    }
    await worker.begun;
    expect(failures).toEqual([]);
  });

  it('do not hide that NATS refuses the credentials: the worker is told to end', async () => {
    const refusing = await serverThatSays(NATS_REFUSAL);
    const failures: Error[] = [];
    const config = fixture.config({ nats: { servers: [refusing.address], replicas: 1, ackWaitMs: 30_000 } });
    const worker = await startWorker(config, (error) => failures.push(error));
    try {
      await worker.begun;
      expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/authorization violation/i)]);
    } finally {
      await worker.close();
      refusing.close();
    }
  });

  it('say that Postgres refuses the login, and leave out what only it knows', async () => {
    const url = new URL(database.url);
    url.username = 'nobody_of_that_name';
    const worker = await fixture.startWorker({ roles: ['project'], databaseUrl: url.href });
    const states = { nats: 'up', storage: 'up', postgres: 'degraded' };
    expect(await readiness(worker)).toEqual({ status: 200, states });
    const samples = await scrape(worker);
    expect(samples.value('darkroom_dependency_up', { dependency: 'postgres' })).toBe(0);
    expect(samples.value('darkroom_stuck_generations', {})).toBeUndefined();
    expect(samples.value('darkroom_projection_lag_events', { projection: 'read_models' })).toBeUndefined();
  });

  it('tell of the roles that it plays, and of the work that waits', async () => {
    const dispatcher = await fixture.startWorker({ roles: ['dispatch'] });
    const id = await fixture.request();
    const queue = { stage: 'generate', lane: 'normal' };
    const before = await eventually(async () => {
      const samples = await scrape(dispatcher);
      return samples.value('darkroom_queue_depth', queue) === 1 ? samples : null;
    });
    expect(before.value('darkroom_queue_oldest_age_seconds', queue)).toBeGreaterThan(0);
    expect(before.value('darkroom_queue_oldest_age_seconds', { ...queue, lane: 'low' })).toBe(0);
    expect(before.value('darkroom_jobs_in_flight', { stage: 'generate' })).toBeUndefined();

    const generator = await fixture.startWorker({ roles: ['generate'] });
    await fixture.until(id, ({ status }) => status === 'downloading');
    const after = await scrape(generator);
    expect(after.value('darkroom_queue_depth', queue)).toBe(0);
    expect(after.value('darkroom_queue_oldest_age_seconds', queue)).toBe(0);
    for (const stage of ['generate', 'cancel']) expect(after.value('darkroom_jobs_in_flight', { stage })).toBe(0);
    expect(after.value('darkroom_jobs_in_flight', { stage: 'download' })).toBeUndefined();
  });

  it('measure the lag by the oldest event that is not projected, and are well when there is none', async () => {
    const projector = await fixture.startWorker({ roles: ['project'], databaseUrl: database.url });
    const projection = { projection: 'read_models' };
    const lag = (samples: Samples) => samples.value('darkroom_projection_lag_events', projection);
    const age = (samples: Samples) => samples.value('darkroom_projection_lag_seconds', projection)!;
    await fixture.request();
    await eventually(async () => lag(await scrape(projector)) === 0);
    const locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
    try {
      await locker.query('BEGIN; LOCK TABLE read_model.generations IN SHARE MODE');
      const began = Date.now();
      await fixture.request();
      await fixture.request();
      const behind = await scrape(projector);
      expect(lag(behind)).toBe(2);
      expect(age(behind)).toBeGreaterThan(0);
      expect(age(behind)).toBeLessThanOrEqual((Date.now() - began) / 1_000);
    } finally {
      await locker.end();
    }
    await eventually(async () => lag(await scrape(projector)) === 0);
    const samples = await scrape(projector);
    expect([age(samples), samples.value('darkroom_stuck_generations', {})]).toEqual([0, 0]);
    const states = { nats: 'up', storage: 'up', postgres: 'up' };
    expect(await readiness(projector)).toEqual({ status: 200, states });
  });
});
