/** Postgres is away, too slow, or not migrated yet. What was asked for may be asked again later. */
export class ReadModelUnavailable extends Error {
  readonly code = 'unavailable';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReadModelUnavailable';
  }
}

/**
 * SQLSTATEs that say something about the server and nothing about the statement: connection lost (08), transaction
 * rolled back for a deadlock (40), out of memory, disk or connections (53), cancelled by a timeout or a shutdown (57),
 * I/O error (58), read-only standby (25006), lock timeout (55P03), schema or table not there yet (3F000, 42P01).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const TRANSIENT = /^(08|40|53|57|58)|^(25006|25P03|25P04|55P03|3F000|42P01)$/;

/** What `pg` says without a code: it gave up waiting, or its connection is gone. */
const LOST = /timeout|Connection terminated|not queryable|connection error|Cannot use a pool after calling end/i;

/** Whether the same statement may succeed later. Otherwise the statement, or its data, are to blame. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return LOST.test(error.message);
  return /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? TRANSIENT.test(code) : /^E/.test(code);
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

/** Whether Postgres refuses the data or the statement itself, and will do so again: data (22), constraints (23), SQL (42). */
export function isDataError(error: unknown): boolean {
  if (!(error instanceof Error) || isTransient(error)) return false;
  return 'code' in error && typeof error.code === 'string' && /^(22|23|42)...$/.test(error.code);
}
