import { migrateReadModels } from '../database/migrate.js';
import type { RebuildSession } from './rebuild-session.js';

/** Makes the index again, as Postgres itself words it. */
type IndexStatement = string;

/**
 * Empty tables in `schema`, by the migrations, in place of what a rebuild that was killed may have left there. Without
 * the indexes that only help readers: filling them row by row takes several times as long as making them afterwards.
 * Which those are is read from the catalogue, so that no migration has to know of this. Answers how to make them.
 */
export async function prepareSchema(session: RebuildSession, url: string, schema: string): Promise<IndexStatement[]> {
  await dropSchema(session, schema);
  await migrateReadModels({ url, schema });
  const indexes = await session.query<{ name: string; statement: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS statement
     FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
     WHERE relnamespace = $1::regnamespace AND NOT indisunique AND NOT indisexclusion
     ORDER BY 1`,
    [schema],
  );
  for (const { name } of indexes) await session.execute(`DROP INDEX ${name}`);
  return indexes.map(({ statement }) => statement);
}

/** Makes the indexes, and the statistics that the planner would otherwise lack right after the swap. */
export async function indexSchema(
  session: RebuildSession,
  schema: string,
  indexes: readonly IndexStatement[],
): Promise<void> {
  for (const statement of indexes) await session.execute(statement);
  const tables = await session.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'`,
    [schema],
  );
  for (const { name } of tables) await session.execute(`ANALYZE ${name}`);
}

export async function dropSchema(session: RebuildSession, schema: string): Promise<void> {
  await session.execute(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
}
