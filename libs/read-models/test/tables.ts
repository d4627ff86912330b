import { LIVE_SCHEMA } from '../src/index.js';
import { execute } from './fixture.js';

/** A hash of every row of each table, whatever the order of the rows; without the times at which they were written. */
export async function hashTables(url: string): Promise<Record<string, string>> {
  const tables = await execute<{ name: string }>(
    url,
    `SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname = '${LIVE_SCHEMA}' AND relkind = 'r' ORDER BY 1`,
  );
  const hashes: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await execute<{ hash: string }>(
      url,
      `SELECT count(*) || ' ' || md5(string_agg(line, '' ORDER BY line)) AS hash
       FROM (SELECT (to_jsonb(t) - 'updated_at' - 'executed_at')::text AS line FROM ${LIVE_SCHEMA}.${name} t) AS rows`,
    );
    hashes[name] = row!.hash;
  }
  return hashes;
}

/** Tables and indexes with their options: what a rebuild must leave as the migrations made it. */
export async function describeSchemas(url: string): Promise<string[]> {
  const rows = await execute<{ line: string }>(
    url,
    `SELECT format('%s.%s %s %s %s', n.nspname, c.relname, c.relpersistence, c.reloptions, pg_get_indexdef(c.oid)) AS line
     FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname LIKE 'read_model%' AND relkind IN ('r', 'i', 'S') ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}
