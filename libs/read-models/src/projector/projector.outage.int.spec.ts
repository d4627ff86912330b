import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.js';
import { execute, expectProjected, openFixture, startProjector, type Fixture } from '../../test/fixture.js';
import { migrateReadModels, openReadModels } from '../index.js';
import { MemoryLog } from '../../test/memory-log.js';
import { mixedStory } from '../../test/stories.js';

describe('Projector and a Postgres that goes away', () => {
  let postgres: TestPostgres;
  let fixture: Fixture;
  beforeAll(async () => {
    postgres = await startPostgres();
    fixture = await openFixture({ url: postgres.url });
  });
  afterAll(async () => {
    await fixture.close();
    await postgres.remove();
  });

  it('goes on by itself after Postgres was killed in the middle, and stopped, and has every event once', async () => {
    const { events } = mixedStory(500, 21);
    const log = new MemoryLog('log', events);
    const warnings: string[] = [];
    const logger = { log: () => undefined, error: () => undefined, warn: (line: string) => warnings.push(line) };
    // A single connection: one that is not given back in an outage would be missed.
    const models = await openReadModels({ url: postgres.url, poolSize: 1 });
    const running = startProjector({ models }, log, { maxBatch: 10, logger });

    await eventually(() => running.projector.position > 100);
    await postgres.kill9();
    await eventually(() => warnings.length > 1);
    const stoodAt = running.projector.position;
    expect(stoodAt).toBeLessThan(log.last);
    await postgres.start();
    await eventually(() => running.projector.position > stoodAt + 100);
    const before = warnings.length;
    await postgres.stop();
    await eventually(() => warnings.length > before);
    await postgres.start();
    await eventually(() => running.projector.position === log.last, { timeoutMs: 20_000 });
    await running.stop();
    await models.close();
    await expectProjected(fixture, events);
  });

  it('migrates when Postgres is killed while it waits for its turn', async () => {
    const blocker = new pg.Client({ connectionString: postgres.url });
    blocker.on('error', () => undefined);
    await blocker.connect();
    await blocker.query(`SELECT pg_advisory_lock(hashtextextended('darkroom.migrate.second', 0))`);
    const warnings: string[] = [];
    const onWarning = (line: string) => warnings.push(line);
    const migrating = migrateReadModels({ url: postgres.url, schema: 'second', onWarning });
    const waits = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'darkroom-migrate' AND wait_event = 'advisory'`;
    await eventually(async () => (await execute(postgres.url, waits)).length === 1);
    await postgres.kill9();
    await eventually(() => warnings.length > 0);
    await postgres.start();
    await migrating;
    const models = await openReadModels({ url: postgres.url, schema: 'second' });
    await models.check();
    await models.close();
  });
});
