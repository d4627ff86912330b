import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { startNats, type TestNats } from './nats.js';
import { createTestDatabase, startPostgres, type TestPostgres } from './postgres.js';

describe('startNats', () => {
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startNats();
  });

  it('keeps what was acknowledged through a kill and a restart on the same address', async () => {
    const before = await connect({ servers: nats.url, reconnect: false });
    await (await jetstreamManager(before)).streams.add({ name: 'KEPT', subjects: ['kept.>'] });
    await jetstream(before).publish('kept.one', 'fact');
    await nats.kill9();
    await before.closed();
    await nats.restart();

    const after = await connect({ servers: nats.url });
    const { state } = await (await jetstreamManager(after)).streams.info('KEPT');
    await after.close();
    expect(state.messages).toBe(1);
  });

  it('leaves no folder', async () => {
    await nats.stop();
    expect(existsSync(nats.dir)).toBe(false);
  });
});

describe('createTestDatabase', () => {
  it('gives an empty database that can be dropped while a session is open', async () => {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('CREATE TABLE things (id int)');
    await database.drop();
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });
});

describe('startPostgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.remove());

  const run = async (statement: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  };

  it('keeps its data and address through a stop and a kill', async () => {
    await run('CREATE TABLE kept AS SELECT 1 AS one');
    await server.stop();
    await expect(run('SELECT 1')).rejects.toThrow();
    await server.start();
    await server.kill9();
    await server.start();
    expect(await run('SELECT one FROM kept')).toEqual([{ one: 1 }]);
  });
});
