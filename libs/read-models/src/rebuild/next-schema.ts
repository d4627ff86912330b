import { migrateReadModels } from '../database/migrate.js';
import type { RebuildSession } from './rebuild-session.js';

/** Makes again what was taken away for the loading, in Postgres' own words. */
type Statement = string;

/**
 * Rows of up to a page are stored as they are: compressing those over 2 kB, as by default, takes a third of the writing.
 * What the live projector writes later is compressed as ever. The largest value that Postgres allows.
 */
const WHOLE_ROWS = 'toast_tuple_target = 8160';

/**
 * Empty tables in `schema`, by the migrations, in place of what a rebuild that was killed may have left there. Without
 * the indexes that only help readers: filling them row by row takes several times as long as making them afterwards.
 * Which those are is read from the catalogue, so that no migration has to know of this. Answers what `completeSchema` does.
 */
export async function prepareSchema(session: RebuildSession, url: string, schema: string): Promise<Statement[]> {
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
  const tables = await session.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND reloptions IS NULL`,
    [schema],
  );
  for (const { name } of tables) await session.execute(`ALTER TABLE ${name} SET (${WHOLE_ROWS})`);
  return [
    ...indexes.map(({ statement }) => statement),
    ...tables.map(({ name }) => `ALTER TABLE ${name} RESET (toast_tuple_target)`),
  ];
}

/** Makes what was left out, and the statistics that the planner would otherwise lack right after the swap. */
export async function completeSchema(
  session: RebuildSession,
  schema: string,
  statements: readonly Statement[],
): Promise<void> {
  for (const statement of statements) await session.execute(statement);
  const tables = await session.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'`,
    [schema],
  );
  for (const { name } of tables) await session.execute(`ANALYZE ${name}`);
}

export async function dropSchema(session: RebuildSession, schema: string): Promise<void> {
  await session.execute(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
}
