import { hostname } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { pauseFor } from '../database/backoff.js';
import { RebuildError } from './rebuild-error.js';

/** How long the lock of a rebuild that was killed a moment ago is waited for: Postgres notices such an end late. */
const LOCK_PATIENCE_MS = 5_000;

/**
 * Settings of the session. What it writes is worth nothing before the swap, so no commit before that one waits for the
 * disk; the swap's does, and flushes the log of all before it. The rest lets Postgres notice within seconds that this
 * process is gone, also in the midst of a long statement, and gives the indexes room to sort.
 */
const SETTINGS = `
  SET synchronous_commit = off;
  SET maintenance_work_mem = '256MB';
  SET client_connection_check_interval = '1s';
  SET tcp_keepalives_idle = 10;
  SET tcp_keepalives_interval = 5;
  SET tcp_keepalives_count = 3`;

/**
 * The one connection of a rebuild: it holds the lock that keeps others out, and everything that matters (the swap above
 * all) is done on it, so that nothing is done without the lock.
 */
export class RebuildSession {
  readonly #lost = new AbortController();
  #closing = false;

  private constructor(
    private readonly client: pg.Client,
    /** Of the server's process, for pg_cancel_backend. */
    readonly backend: number,
  ) {
    const onLost = (error?: Error): void => {
      if (!this.#closing)
        this.#lose(`The connection to PostgreSQL was lost${error ? `: ${error.message}` : ''}`, error);
    };
    client.on('error', onLost);
    client.on('end', onLost);
  }

  /** Aborts, with a RebuildError, when the connection is lost, and the lock with it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws RebuildError `already_running`; what Postgres says when it cannot be reached */
  static async open(url: string, lock: string, signal: AbortSignal): Promise<RebuildSession> {
    const client = new pg.Client({
      connectionString: url,
      application_name: `darkroom-rebuild ${hostname()} process ${process.pid}`.slice(0, 63),
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
    await client.connect();
    const { rows } = await client.query<{ backend: number }>('SELECT pg_backend_pid() AS backend');
    const session = new RebuildSession(client, rows[0]!.backend);
    try {
      await client.query(SETTINGS);
      await session.#acquire(lock, signal);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async query<T extends object>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    this.#lost.signal.throwIfAborted();
    return (await this.client.query<T & pg.QueryResultRow>(text, [...values])).rows;
  }

  /** Several statements at once, without values. */
  async execute(statements: string): Promise<void> {
    this.#lost.signal.throwIfAborted();
    await this.client.query(statements);
  }

  /** @param lines in COPY's text format (database/copy.ts) */
  async copy(table: string, columns: string, lines: string): Promise<void> {
    this.#lost.signal.throwIfAborted();
    const sink = this.client.query(copyFrom(`COPY ${table} (${columns}) FROM STDIN`));
    await pipeline(Readable.from([Buffer.from(lines)]), sink);
  }

  /** Ends what is being waited for, of a server that is silent. */
  async abandon(): Promise<void> {
    this.#lose('PostgreSQL does not answer any more');
    await this.close();
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.client.end();
  }

  #lose(message: string, cause?: Error): void {
    this.#lost.abort(new RebuildError('interrupted', message, { cause }));
  }

  async #acquire(lock: string, signal: AbortSignal): Promise<void> {
    for (const until = Date.now() + LOCK_PATIENCE_MS; ; await pauseFor(200, signal)) {
      signal.throwIfAborted();
      const [row] = await this.query<{ got: boolean }>('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS got', [
        lock,
      ]);
      if (row?.got) return;
      if (Date.now() > until) throw await this.#refusal(lock);
    }
  }

  async #refusal(lock: string): Promise<RebuildError> {
    // A lock on one bigint is listed as its two halves, and objsubid 1.
    const [holder] = await this.query<{ name: string; pid: number; since: string }>(
      `SELECT application_name AS name, pid, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') AS since
       FROM pg_locks JOIN pg_stat_activity USING (pid)
       WHERE locktype = 'advisory' AND objsubid = 1 AND granted
         AND ((classid::bigint << 32) | objid::bigint) = hashtextextended($1, 0)`,
      [lock],
    );
    const who = holder ? `${holder.name}, session ${holder.pid} of PostgreSQL, since ${holder.since}` : 'just ended';
    return new RebuildError('already_running', `Another rebuild is at work (${who}).`);
  }
}
