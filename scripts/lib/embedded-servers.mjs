import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { replaceFile } from './atomic.mjs';
import { startNatsServer } from './nats-server.mjs';
import { freePort } from './ports.mjs';
import { existingDataDirectory, postgresAccount, postgresBinaries, postgresDataDirectory } from './postgres-home.mjs';
import { initialisePostgres, postgresPassword, startPostgresServer } from './postgres-server.mjs';
import { logTail } from './log-tail.mjs';

const DATABASE = 'darkroom';

/**
 * The PostgreSQL of this DATA_DIR, with the database that the apps use.
 *
 * @param {{ projectRoot: string, dataDir: string, onSpawn: (pid: number) => void }} options
 */
export async function startEmbeddedPostgres({ projectRoot, dataDir, onSpawn }) {
  const account = postgresAccount();
  const binaries = await postgresBinaries(projectRoot, account);
  const folder = postgresDataDirectory(dataDir, account);
  const password = initialisePostgres({ binaries, dataDir: folder, account, auth: 'scram-sha-256' });
  const port = await usualPort(dataDir, 'postgres');
  const logFile = join(dataDir, 'logs', 'postgres.log');
  const server = await startPostgresServer({ binaries, dataDir: folder, account, port, logFile, onSpawn });
  const address = (/** @type {string} */ database) => postgresUrl({ password, port, database });
  try {
    await ensureDatabase(projectRoot, address('postgres'));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { ...server, name: 'postgres', url: address(DATABASE), dataDir: folder, lastLines: () => logTail(logFile) };
}

/**
 * The nats-server of this DATA_DIR.
 *
 * @param {{ binary: string, dataDir: string, onSpawn: (pid: number) => void }} options
 */
export async function startEmbeddedNats({ binary, dataDir, onSpawn }) {
  const dir = join(dataDir, 'nats');
  const port = await usualPort(dataDir, 'nats');
  const logFile = join(dataDir, 'logs', 'nats.log');
  const server = await startNatsServer({ binary, dir, port, logFile, onSpawn });
  return { ...server, name: 'nats', dataDir: dir, lastLines: () => logTail(logFile) };
}

/**
 * The addresses of the servers that a running stack has started from this DATA_DIR.
 *
 * @param {string} dataDir
 * @returns {{ databaseUrl: string | undefined, natsUrl: string | undefined }} undefined: it uses one that it was given
 */
export function embeddedAddresses(dataDir) {
  const isStarted = (/** @type {string} */ name) => existsSync(join(dataDir, 'run', `${name}.json`));
  const portOf = (/** @type {string} */ name) => Number(readFileSync(join(dataDir, 'run', `${name}.port`), 'utf8'));
  return {
    databaseUrl: isStarted('postgres')
      ? postgresUrl({
          password: postgresPassword(existingDataDirectory(dataDir)),
          port: portOf('postgres'),
          database: DATABASE,
        })
      : undefined,
    natsUrl: isStarted('nats') ? `nats://127.0.0.1:${portOf('nats')}` : undefined,
  };
}

/** @param {{ password: string, port: number, database: string }} parts */
function postgresUrl({ password, port, database }) {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * @param {string} projectRoot
 * @param {string} url
 */
async function ensureDatabase(projectRoot, url) {
  /** @type {typeof import('pg')} */
  const pg = createRequire(join(projectRoot, 'package.json'))('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (!rowCount) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

/**
 * A port that is free now; the one of the last start when it still is, so that a user's tools find the server again.
 *
 * @param {string} dataDir
 * @param {string} name
 */
async function usualPort(dataDir, name) {
  const file = join(dataDir, 'run', `${name}.port`);
  mkdirSync(join(dataDir, 'run'), { recursive: true });
  const port = await freePort(existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined);
  replaceFile(file, String(port));
  return port;
}
