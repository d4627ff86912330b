import { isNativeError } from 'node:util/types';

/** Postgres is away, too slow, or not migrated yet. What was asked for may be asked again later. */
export class ReadModelUnavailable extends Error {
  readonly code = 'unavailable';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReadModelUnavailable';
  }
}

/**
 * Codes that say something about the server or the way to it, and nothing about the statement. SQLSTATEs: connection
 * lost (08), log-in refused (28), transaction rolled back for a deadlock (40), out of memory, disk or connections (53),
 * cancelled by a timeout or a shutdown (57), I/O error (58), read-only standby (25006), idle transaction ended (25P03),
 * database, schema or table not there yet (3D000, 3F000, 42P01), lock timeout (55P03).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html. And those of the operating system (ECONNREFUSED), not
 * those of Node.js itself (ERR_INVALID_ARG_TYPE).
 */
const TRANSIENT = /^(08|28|40|53|57|58)...$|^(25006|25P03|3D000|3F000|42P01|55P03)$|^E(?!RR_)[A-Z_]+$/;

/** What `pg` says without a code: it gave up waiting, or its connection is gone. */
const LOST = /timeout|connection terminated|not queryable|connection error|closed the connection/i;

/** Whether the same statement may succeed later. Otherwise the statement, or its data, are to blame. */
export function isTransient(error: unknown): boolean {
  const code = codeOf(error);
  return code === null ? isNativeError(error) && LOST.test(error.message) : TRANSIENT.test(code);
}

/** Whether Postgres refuses data (22), a constraint (23) or the statement itself (42), and will do so again. */
export function isDataError(error: unknown): boolean {
  return !isTransient(error) && /^(22|23|42)...$/.test(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | null {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** Runs a query, with everything that a later attempt may cure turned into ReadModelUnavailable. */
export async function orUnavailable<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    if (!isTransient(error)) throw error;
    throw new ReadModelUnavailable('The read models cannot be reached', { cause: error });
  }
}
