import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { logTail } from './log-tail.mjs';
import { endProcess } from './process.mjs';
import { waitUntil } from './wait.mjs';

/** SIGTERM lets it close its stores; what was acknowledged is on disk in any case (`sync_interval: always`). */
const SHUTDOWN = /** @type {import('./process.mjs').Step[]} */ ([
  { signal: 'SIGTERM', graceMs: 10_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
]);

/**
 * @typedef {object} RunningNats
 * @property {import('node:child_process').ChildProcess} child
 * @property {number} pid
 * @property {number} port
 * @property {string} url nats://127.0.0.1:port
 * @property {() => Promise<void>} stop ends it cleanly
 */

/**
 * Starts a nats-server with JetStream on 127.0.0.1 and waits until it takes clients. Its configuration and its streams
 * are in `dir`; a start with the same `dir` finds the streams again.
 *
 * @param {object} options
 * @param {string} options.binary
 * @param {string} options.dir
 * @param {number} [options.port] without one, the server takes any free port
 * @param {string} options.logFile
 * @param {number} [options.maxFileBytes] disk quota of all streams; without one, the server takes three quarters of what is free
 * @param {(pid: number) => void} [options.onSpawn] called as soon as the process exists
 * @returns {Promise<RunningNats>}
 */
export async function startNatsServer({ binary, dir, port = -1, logFile, maxFileBytes, onSpawn }) {
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'nats-server.conf');
  writeFileSync(config, serverConfig({ dir, port, maxFileBytes }));
  const log = openSync(logFile, 'a');
  const child = spawn(binary, ['--config', config], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  if (child.pid) onSpawn?.(child.pid);
  /** @type {string | undefined} */
  let ended;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `exit ${code ?? signal}`));
  /** @type {number} */
  let actualPort;
  try {
    actualPort = await waitUntil(
      async () => {
        if (ended)
          throw new Error(
            `nats-server did not start (${ended}). The end of ${logFile}:\n${logTail(logFile).join('\n')}`,
          );
        const listening = port === -1 ? announcedPort(dir, child.pid) : port;
        return listening && (await hasJetStream(listening)) ? listening : undefined;
      },
      { timeoutMs: 30_000, what: `nats-server taking clients (see ${logFile})` },
    );
  } catch (error) {
    if (child.pid) await endProcess(child.pid, SHUTDOWN);
    throw error;
  }
  const pid = /** @type {number} */ (child.pid);
  const url = `nats://127.0.0.1:${actualPort}`;
  return { child, pid, port: actualPort, url, stop: async () => void (await endProcess(pid, SHUTDOWN)) };
}

/**
 * `sync_interval: always` makes an acknowledged write one that is on disk; the default flushes every two minutes.
 *
 * @param {{ dir: string, port: number, maxFileBytes?: number }} options
 */
function serverConfig({ dir, port, maxFileBytes }) {
  return [
    `listen: "127.0.0.1:${port}"`,
    'server_name: darkroom',
    `ports_file_dir: ${JSON.stringify(dir)}`,
    'jetstream {',
    `  store_dir: ${JSON.stringify(dir)}`,
    '  sync_interval: always',
    ...(maxFileBytes === undefined ? [] : [`  max_file_store: ${maxFileBytes}`]),
    '}',
    '',
  ].join('\n');
}

/**
 * The port that the server chose; it writes it to a file beside its configuration.
 *
 * @param {string} dir
 * @param {number | undefined} pid
 * @returns {number | undefined}
 */
function announcedPort(dir, pid) {
  try {
    const { nats } = JSON.parse(readFileSync(join(dir, `nats-server_${pid}.ports`), 'utf8'));
    return Number(new URL(nats[0]).port);
  } catch {
    return undefined;
  }
}

/**
 * True when a NATS server with JetStream greets on this port of 127.0.0.1.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function hasJetStream(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 });
    let greeting = '';
    const finish = (/** @type {boolean} */ answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk) => {
      greeting += chunk.toString();
      if (greeting.includes('\n')) finish(/^INFO .*"jetstream":\s*true/.test(greeting));
    });
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('timeout', () => finish(false));
  });
}
