import type { LogIdentity, LogReader } from '@darkroom/events';
import { DatabaseError } from 'pg';
import { pauseFor } from '../database/backoff.js';
import { migrationLock } from '../database/migrate.js';
import { APPLICATION_NAME } from '../database/open-read-models.js';
import { LIVE_SCHEMA } from '../database/schema-name.js';
import type { CatchUp } from './catch-up.js';
import { checkReplaceable, copyPrivileges, liveCheckpoint, liveTables } from './live-tables.js';
import { RebuildError } from './rebuild-error.js';
import type { RebuildSession } from './rebuild-session.js';

/** How long the swap waits for a lock. Readers that come meanwhile wait behind it, so this is what they may lose. */
const LOCK_TIMEOUT_MS = 200;

/** How long a vacuum of the live tables is waited for; Postgres ends its own after 1 s (deadlock_timeout). */
const VACUUM_TIMEOUT_MS = 3_000;

/** How long the live projector is held up while older readers are waited for. Their statements end within 5 s. */
const OLDER_READERS_MS = 1_000;

/** Between two attempts. Milliseconds. */
const PAUSE_MS = 500;

/** A swap that has to be tried again: somebody is in the way. */
class SwapBlocked extends Error {}

export interface SwapOptions {
  readonly session: RebuildSession;
  readonly reader: LogReader;
  readonly catchUp: CatchUp;
  /** The log that the next tables were made from. */
  readonly log: LogIdentity;
  /** The schema that takes the live one's place. */
  readonly next: string;
  readonly signal: AbortSignal;
  /** Told why the swap waits, once per reason. */
  readonly onBlocked: (reason: string) => void;
}

/** Puts the next schema in the place of the live one, as soon as nobody is in the way. */
export async function swap(options: SwapOptions): Promise<void> {
  const { session, reader, catchUp, log, signal, onBlocked } = options;
  let told = '';
  for (;;) {
    signal.throwIfAborted();
    const { id, last } = await reader.identify();
    if (id !== log.id) throw new RebuildError('interrupted', 'The log was replaced by another one.');
    // Nobody waits during this part; the attempt itself then has little left to project.
    await catchUp.to(last, signal);
    try {
      return await attempt(options);
    } catch (error) {
      if (!(error instanceof SwapBlocked)) throw error;
      const reason = await blockerOf(session);
      if (reason !== told) onBlocked(reason);
      told = reason;
    }
    await pauseFor(PAUSE_MS, signal);
  }
}

/**
 * One transaction. The live projector begins each of its own by updating the checkpoint: locked, that keeps it out while
 * readers go on. When the next tables reflect all that the live ones do, readers are kept out too, for the moment that
 * renaming takes. Whoever waited finds the new tables under the old names.
 */
async function attempt({ session, reader, catchUp, log, next, signal }: SwapOptions): Promise<void> {
  await session.execute(`BEGIN; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL synchronous_commit = on`);
  try {
    await lock(session, `SELECT pg_advisory_xact_lock(hashtextextended('${migrationLock(LIVE_SCHEMA)}', 0))`);
    const tables = await liveTables(session);
    if (tables.length > 0) {
      await checkReplaceable(session, next);
      const names = tables.map((table) => `${LIVE_SCHEMA}.${table}`).join(', ');
      // Keeps out nobody but vacuum, which would otherwise hold up the swap for as long as it takes.
      await session.execute(`SET LOCAL lock_timeout = ${VACUUM_TIMEOUT_MS}`);
      await lock(session, `LOCK TABLE ${names} IN SHARE UPDATE EXCLUSIVE MODE`);
      await session.execute(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      if (tables.includes('projection_checkpoint')) await reachLive({ session, reader, catchUp, log, signal });
      await waitForOlderReaders(session, signal);
      await lock(session, `LOCK TABLE ${names} IN ACCESS EXCLUSIVE MODE`);
      await copyPrivileges(session, next);
    }
    await session.execute(
      `DROP SCHEMA IF EXISTS ${LIVE_SCHEMA} CASCADE; ALTER SCHEMA ${next} RENAME TO ${LIVE_SCHEMA}`,
    );
  } catch (error) {
    if (!session.lost.aborted) await session.execute('ROLLBACK');
    throw error;
  }
  await commit(session);
}

async function commit(session: RebuildSession): Promise<void> {
  try {
    await session.execute('COMMIT');
  } catch (error) {
    throw new RebuildError(
      'interrupted',
      'PostgreSQL did not answer the commit of the swap: the tables are whole, but whether they are the old or the new ' +
        'ones is not known. Rebuild again to be sure.',
      { cause: error },
    );
  }
}

/** Keeps the live projector out, and projects what it has over the next tables. */
async function reachLive({
  session,
  reader,
  catchUp,
  log,
  signal,
}: Pick<SwapOptions, 'session' | 'reader' | 'catchUp' | 'log' | 'signal'>): Promise<void> {
  await lock(session, `LOCK TABLE ${LIVE_SCHEMA}.projection_checkpoint IN EXCLUSIVE MODE`);
  const live = await liveCheckpoint(session);
  // A live position in another log, or beyond the end of this one, is what the rebuild is there to mend.
  if (live?.logId === log.id && live.position <= (await reader.identify()).last) {
    await catchUp.to(live.position, signal);
  }
}

/**
 * A page of a list reads in a snapshot that is taken a moment before its first table is locked. One taken before the last
 * batch of the next tables would show them without it, behind what the live ones have shown: those readers end first.
 */
async function waitForOlderReaders(session: RebuildSession, signal: AbortSignal): Promise<void> {
  const [now] = await session.query<{ at: string }>('SELECT clock_timestamp()::text AS at');
  for (const until = Date.now() + OLDER_READERS_MS; ; await pauseFor(10, signal)) {
    signal.throwIfAborted();
    const older = await session.query(
      `SELECT pid FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database() AND backend_xmin IS NOT NULL
         AND xact_start < $2::timestamptz AND wait_event_type IS DISTINCT FROM 'Lock'`,
      [APPLICATION_NAME, now!.at],
    );
    if (older.length === 0) return;
    if (Date.now() > until) throw new SwapBlocked();
  }
}

/** @throws SwapBlocked when it is not to be had in time; the transaction is lost then */
async function lock(session: RebuildSession, statement: string): Promise<void> {
  try {
    await session.execute(statement);
  } catch (error) {
    // 55P03: lock_not_available, what lock_timeout gives. 40P01: a deadlock, of which we were the victim.
    if (!(error instanceof DatabaseError && (error.code === '55P03' || error.code === '40P01'))) throw error;
    throw new SwapBlocked(error.message, { cause: error });
  }
}

/** Who has been using the live tables for longest, for an operator who wonders. */
async function blockerOf(session: RebuildSession): Promise<string> {
  const [holder] = await session.query<{ name: string; pid: number; state: string; since: string }>(
    `SELECT application_name AS name, pid, state, to_char(xact_start, 'HH24:MI:SS') AS since FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND xact_start IS NOT NULL AND (
       application_name = $1 AND backend_xmin IS NOT NULL
       OR pid IN (
         SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $2
       )
     )
     ORDER BY xact_start LIMIT 1`,
    [APPLICATION_NAME, LIVE_SCHEMA],
  );
  return holder
    ? `session ${holder.pid} of PostgreSQL (${holder.name}, ${holder.state}) has been in a transaction since ${holder.since}`
    : 'somebody used the tables just now';
}
