import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { hang } from './hang.js';
import { endProcess, guardServer, startTemporaryPostgres } from './servers.mjs';

const projectRoot = resolve(import.meta.dirname, '../..');

/** An empty database of its own for one test suite. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it, ending the sessions that still use it. */
  drop(): Promise<void>;
}

/** A PostgreSQL server of its own for one test suite that stops or kills it. */
export interface TestPostgres {
  /** Superuser URL of its database `postgres`; the same after a `start`. */
  readonly url: string;
  /** Stops it cleanly; its data stay for `start`. */
  stop(): Promise<void>;
  /** Kills it without warning; its data stay for `start`. */
  kill9(): Promise<void>;
  /** Freezes it with its sessions: it takes connections and says nothing. Answers how to let it go on. */
  hang(): () => void;
  /** Starts it again on the same port and data. */
  start(): Promise<void>;
  /** Ends it for good and removes its data. */
  remove(): Promise<void>;
}

/**
 * Makes an empty database on the server of TEST_DATABASE_URL. Where that is unset, one server is started for this test
 * process and shared by all its suites; it ends with the process.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL ?? (await sharedServer());
  const name = `test_${randomBytes(8).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

/** Starts a server of its own in a temporary folder. It does not outlive the test process, however that ends. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-postgres-'));
  let server = await startTemporaryPostgres({ projectRoot, folder });
  let release = guardServer(server.pid, folder);
  const { port } = server;
  return {
    url: server.url,
    stop: () => server.stop(),
    async kill9() {
      await endProcess(server.pid, [{ signal: 'SIGKILL', graceMs: 10_000 }]);
    },
    hang: () => hang(server.pid),
    async start() {
      server = await startTemporaryPostgres({ projectRoot, folder, port });
      release();
      release = guardServer(server.pid, folder);
    },
    async remove() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
      release();
    },
  };
}

/** Jest gives every suite its own modules and globals: what the suites of one process share, they share by a file. */
async function sharedServer(): Promise<string> {
  const folder = join(tmpdir(), `darkroom-postgres-of-${process.pid}`);
  const urlFile = join(folder, 'url');
  if (existsSync(urlFile)) return readFile(urlFile, 'utf8');
  const server = await startTemporaryPostgres({ projectRoot, folder });
  guardServer(server.pid, folder);
  server.child.unref();
  await writeFile(urlFile, server.url);
  return server.url;
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
