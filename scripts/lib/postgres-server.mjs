import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, closeSync, existsSync, mkdtempSync, openSync } from 'node:fs';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from './atomic.mjs';
import { logTail } from './log-tail.mjs';
import { commandLine, endProcess, isAlive } from './process.mjs';
import { waitUntil } from './wait.mjs';

/** SIGINT is PostgreSQL's fast shutdown: it ends the sessions and leaves a clean log; SIGQUIT asks for a recovery. */
export const POSTGRES_SHUTDOWN = /** @type {import('./process.mjs').Step[]} */ ([
  { signal: 'SIGINT', graceMs: 20_000 },
  { signal: 'SIGQUIT', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
]);

/** In the folder of the cluster: the password of its superuser. */
const PASSWORD_FILE = 'darkroom-password';

/**
 * @typedef {object} PostgresOptions
 * @property {string} binaries folder with initdb and postgres
 * @property {string} dataDir absolute; what the account owns
 * @property {import('./postgres-home.mjs').Account} account
 * @property {'scram-sha-256' | 'trust'} auth what new clusters ask of a client; `trust` lets in everybody on this machine
 */

/**
 * @typedef {object} RunningPostgres
 * @property {import('node:child_process').ChildProcess} child
 * @property {number} pid
 * @property {number} port
 * @property {() => Promise<void>} stop ends it cleanly
 */

/**
 * Makes the database cluster when there is none. A cluster whose making was interrupted is thrown away and made again.
 *
 * @param {PostgresOptions} options
 * @returns {string} the password of the superuser `postgres`; it is kept beside the cluster's own files
 */
export function initialisePostgres({ binaries, dataDir, account, auth }) {
  const passwordFile = join(dataDir, PASSWORD_FILE);
  if (existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8');

  const password = randomBytes(24).toString('hex');
  const credentials = mkdtempSync(join(tmpdir(), 'darkroom-initdb-'));
  const credentialsFile = join(credentials, 'password');
  try {
    writeFileSync(credentialsFile, password, { mode: 0o600 });
    if (account) for (const path of [credentials, credentialsFile]) chownSync(path, account.uid, account.gid);
    for (const name of readdirSync(dataDir)) rmSync(join(dataDir, name), { recursive: true });
    const initdb = spawnSync(
      join(binaries, 'initdb'),
      [`--pgdata=${dataDir}`, '--username=postgres', `--pwfile=${credentialsFile}`, `--auth=${auth}`]
        .concat(['--encoding=UTF8', '--no-instructions'])
        // The server's own C.UTF-8 is the same on every machine, whatever locales that machine has.
        .concat(['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
      { ...account, cwd: '/', encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
    );
    if (initdb.status !== 0) {
      throw new Error(`initdb failed in ${dataDir}: ${initdb.error?.message ?? initdb.stderr.trim()}`);
    }
    replaceFile(passwordFile, password, 0o600);
    return password;
  } finally {
    rmSync(credentials, { recursive: true, force: true });
  }
}

/**
 * The password of the superuser of a cluster that exists.
 *
 * @param {string} dataDir
 */
export function postgresPassword(dataDir) {
  return readFileSync(join(dataDir, PASSWORD_FILE), 'utf8');
}

/**
 * Starts the server on 127.0.0.1 and waits until it takes connections. A server that an earlier, killed parent left
 * running on the same data is stopped first.
 *
 * @param {object} options
 * @param {string} options.binaries
 * @param {string} options.dataDir
 * @param {import('./postgres-home.mjs').Account} options.account
 * @param {number} options.port
 * @param {string} options.logFile
 * @param {Record<string, string>} [options.settings] of postgresql.conf
 * @param {(pid: number) => void} [options.onSpawn] called as soon as the process exists
 * @returns {Promise<RunningPostgres>}
 */
export async function startPostgresServer({ binaries, dataDir, account, port, logFile, settings = {}, onSpawn }) {
  await stopLeftoverPostgres(dataDir);
  const log = openSync(logFile, 'a');
  const child = spawn(
    join(binaries, 'postgres'),
    ['-D', dataDir, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='].concat(
      Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ),
    // Its own process group: Ctrl-C in the terminal reaches only the parent, which stops things in order.
    { ...account, cwd: '/', detached: true, stdio: ['ignore', log, log], env: { ...process.env, LC_ALL: 'C' } },
  );
  closeSync(log);
  if (child.pid) onSpawn?.(child.pid);
  /** @type {string | undefined} */
  let ended;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `exit ${code ?? signal}`));
  try {
    await waitUntil(
      () => {
        if (ended)
          throw new Error(
            `PostgreSQL did not start (${ended}). The end of ${logFile}:\n${logTail(logFile).join('\n')}`,
          );
        // What pg_ctl looks at: line 1 is the process id, line 8 the state.
        const lines = postmasterLines(dataDir);
        return Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready';
      },
      { timeoutMs: 60_000, what: `PostgreSQL taking connections (see ${logFile})` },
    );
  } catch (error) {
    if (child.pid) await endProcess(child.pid, POSTGRES_SHUTDOWN);
    throw error;
  }
  const pid = /** @type {number} */ (child.pid);
  return { child, pid, port, stop: async () => void (await endProcess(pid, POSTGRES_SHUTDOWN)) };
}

/**
 * Stops the server that still runs on this data although its parent is gone.
 *
 * @param {string} dataDir
 * @returns {Promise<number | undefined>} its process id, when there was one
 */
export async function stopLeftoverPostgres(dataDir) {
  const pid = Number(postmasterLines(dataDir)[0]);
  // The command line is looked at because the id may belong to a stranger by now.
  if (!pid || !isAlive(pid) || !commandLine(pid).includes(dataDir)) return undefined;
  await endProcess(pid, POSTGRES_SHUTDOWN);
  return pid;
}

/** @param {string} dataDir */
function postmasterLines(dataDir) {
  try {
    return readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}
