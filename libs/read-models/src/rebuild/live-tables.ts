import { LIVE_SCHEMA } from '../database/schema-name.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { RebuildError } from './rebuild-error.js';
import type { RebuildSession } from './rebuild-session.js';

/** Names of the live tables, the checkpoint last: in the order in which the queries lock them. Empty: there are none. */
export async function liveTables(session: RebuildSession): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname = $1 AND relkind = 'r' ORDER BY relname = 'projection_checkpoint', relname`,
    [LIVE_SCHEMA],
  );
  return rows.map(({ name }) => name);
}

export async function liveCheckpoint(session: RebuildSession): Promise<Checkpoint | null> {
  const [row] = await session.query<{ logId: string; position: string }>(
    `SELECT log_id AS "logId", position FROM ${LIVE_SCHEMA}.projection_checkpoint`,
  );
  return row ? { logId: row.logId, position: Number(row.position) } : null;
}

/**
 * Refuses to replace what this release did not make.
 * @throws RebuildError `newer_tables`, `foreign_objects`
 */
export async function checkReplaceable(session: RebuildSession, next: string): Promise<void> {
  const tables = await liveTables(session);
  if (tables.includes('migrations')) {
    const unknown = await session.query<{ name: string }>(
      `SELECT name FROM ${LIVE_SCHEMA}.migrations WHERE name NOT IN (SELECT name FROM ${next}.migrations)`,
    );
    if (unknown.length > 0) {
      const names = unknown.map(({ name }) => name).join(', ');
      throw new RebuildError(
        'newer_tables',
        `The tables were migrated by a newer release (${names}): rebuild them with that one.`,
      );
    }
  }
  const foreign = await session.query<{ name: string }>(FOREIGN_OBJECTS, [LIVE_SCHEMA, next]);
  if (foreign.length > 0) {
    const names = foreign.map(({ name }) => name).join(', ');
    throw new RebuildError(
      'foreign_objects',
      `These would be dropped together with the old tables: ${names}. Drop them, and make them again afterwards ` +
        `(views of your own outlive a rebuild only as queries).`,
    );
  }
}

/** Relations in the live schema that the next one does not have, and views elsewhere that stand on live tables. */
const FOREIGN_OBJECTS = `
  SELECT c.oid::regclass::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
    AND NOT EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = $2::regnamespace AND o.relname = c.relname)
  UNION
  SELECT v.oid::regclass::text
  FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class
    JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND v.relnamespace <> n.oid
  ORDER BY 1`;

/** Lets whoever may read the live tables read the next ones too: privileges are not in the migrations. */
export async function copyPrivileges(session: RebuildSession, next: string): Promise<void> {
  const grants = await session.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %s TO %s%s', a.privilege_type, target, coalesce(quote_ident(g.rolname), 'PUBLIC'),
       CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
     FROM (
       SELECT format('SCHEMA %I', $2::text) AS target, nspacl AS acl, nspowner AS owner
       FROM pg_namespace WHERE nspname = $1
       UNION ALL
       SELECT format('%I.%I', $2::text, relname), relacl, relowner
       FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'
     ) AS granted, aclexplode(acl) AS a LEFT JOIN pg_roles g ON g.oid = a.grantee
     WHERE a.grantee <> owner`,
    [LIVE_SCHEMA, next],
  );
  for (const { statement } of grants) await session.execute(statement);
}
