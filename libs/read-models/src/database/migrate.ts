import { Migrator } from '@mikro-orm/migrations';
import { defineConfig, MikroORM } from '@mikro-orm/postgresql';
import { sql, type ControlledTransaction } from 'kysely';
import type { Client, Pool } from 'pg';
import { Backoff } from './backoff.js';
import { MIGRATIONS } from './migrations/index.js';
import { LIVE_SCHEMA, schemaName } from './schema-name.js';
import { isTransient } from './unavailable.js';

export interface MigrateOptions {
  readonly url: string;
  /** Default: the live one. */
  readonly schema?: string;
  /** Ends the wait for a Postgres that is not there. */
  readonly signal?: AbortSignal;
  /** Told why it waits. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Brings a schema's tables up to date; makes them where there are none. Any number of processes may do it at once: one
 * works, the others wait and find it done. Waits for a Postgres that is not there yet.
 * @throws the reason of `signal` when it aborts; whatever Postgres refuses a migration for
 */
export async function migrateReadModels(options: MigrateOptions): Promise<void> {
  const { url, signal, onWarning } = options;
  const schema = schemaName(options.schema ?? LIVE_SCHEMA);
  const backoff = new Backoff();
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await migrateOnce(url, schema);
    } catch (error) {
      if (!isTransient(error)) throw error;
      onWarning?.(`Migration waits for PostgreSQL: ${(error as Error).message}`);
      await backoff.pause(signal);
    }
  }
}

/** Name of the advisory lock under which a schema is migrated, and swapped by a rebuild. */
export function migrationLock(schema: string): string {
  return `darkroom.migrate.${schema}`;
}

async function migrateOnce(url: string, schema: string): Promise<void> {
  // A connection of its own, without the time limits of queries: an index over many rows may take its time.
  const connections: Client[] = [];
  const orm = await MikroORM.init(
    defineConfig({
      entities: [],
      discovery: { warnWhenNoEntities: false },
      extensions: [Migrator],
      clientUrl: url,
      colors: false,
      logger: () => undefined,
      driverOptions: {
        connectionString: url,
        application_name: 'darkroom-migrate',
        connectionTimeoutMillis: 3_000,
        keepAlive: true,
        onPoolCreated: (pool: Pool) =>
          void pool.on('connect', (client) => connections.push(client as unknown as Client)),
      },
      // The list of what was applied lives in the migrated schema, so that it is swapped together with the tables.
      migrations: { migrationsList: MIGRATIONS, tableName: 'migrations', snapshot: false, includeWildcardSchema: true },
    }),
  );
  try {
    await orm.em.transactional(async (em) => {
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${migrationLock(schema)}, 0))`.execute(em.getKysely());
      await orm.migrator.up({ schema, transaction: em.getTransactionContext<ControlledTransaction<unknown>>() });
    });
  } catch (error) {
    // A transaction that could not roll back keeps its connection (see inTransaction, which the migrator does not
    // take), and closing the pool would wait for it for ever.
    await Promise.all(connections.map((connection) => connection.end()));
    throw error;
  }
  await orm.close();
}
