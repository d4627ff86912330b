import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/postgres.js';
import { migrateReadModels } from './migrate.js';
import { openReadModels } from './open-read-models.js';

describe('migrateReadModels', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  const tables = async (): Promise<string[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>(`
      SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`);
    await client.end();
    return rows.map(({ name }) => name);
  };
  const tablesOf = (schema: string) =>
    ['generations', 'images', 'migrations', 'projection_checkpoint', 'usage_daily'].map((name) => `${schema}.${name}`);

  it('makes the tables in their schema, and nothing elsewhere', async () => {
    await migrateReadModels({ url: database.url });
    expect(await tables()).toEqual(tablesOf('read_model'));
    expect(existsSync('migrations')).toBe(false);
  });

  it('changes nothing the second time', async () => {
    await migrateReadModels({ url: database.url });
    await migrateReadModels({ url: database.url });
    expect(await tables()).toEqual(tablesOf('read_model'));
  });

  it('is done once when several processes begin at the same time', async () => {
    await Promise.all(Array.from({ length: 5 }, () => migrateReadModels({ url: database.url })));
    expect(await tables()).toEqual(tablesOf('read_model'));
  });

  it('fills another schema beside the live one, which can take its name', async () => {
    await migrateReadModels({ url: database.url });
    await migrateReadModels({ url: database.url, schema: 'read_model_next' });
    expect(await tables()).toEqual([...tablesOf('read_model'), ...tablesOf('read_model_next')]);

    const models = await openReadModels({ url: database.url });
    await models.em.execute('DROP SCHEMA read_model CASCADE; ALTER SCHEMA read_model_next RENAME TO read_model');
    await models.check();
    await models.close();
    await migrateReadModels({ url: database.url });
    expect(await tables()).toEqual(tablesOf('read_model'));
  });

  it('makes what the entities expect', async () => {
    await migrateReadModels({ url: database.url });
    const models = await openReadModels({ url: database.url });
    const missing = await models.orm.schema.getUpdateSchemaSQL({ schema: 'read_model', safe: true, wrap: false });
    await models.close();
    expect(missing.replaceAll(/drop index .*;\n*/g, '').trim()).toBe('');
  });

  it('refuses a schema name that would need quotes', async () => {
    await expect(migrateReadModels({ url: database.url, schema: 'a"; DROP' })).rejects.toThrow(RangeError);
  });

  it('ends its wait for a Postgres that is not there when asked to', async () => {
    const abort = new AbortController();
    const onWarning = () => abort.abort(new Error('enough'));
    const waiting = migrateReadModels({ url: 'postgres://127.0.0.1:1/none', signal: abort.signal, onWarning });
    await expect(waiting).rejects.toThrow('enough');
  });
});
