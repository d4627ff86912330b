import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endProcess } from './process.mjs';
import { waitUntil } from './wait.mjs';

/** A worker hands its unfinished work back on SIGTERM; what takes longer than this is killed. */
const SHUTDOWN = /** @type {import('./process.mjs').Step[]} */ ([
  { signal: 'SIGTERM', graceMs: 15_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
]);

const LINES_KEPT = 15;

/**
 * One of the stack's own Node processes.
 *
 * @typedef {object} Service
 * @property {string} name
 * @property {string[]} args of node
 * @property {Record<string, string>} env added to this process's
 * @property {string} readyUrl answers 2xx when it is ready
 */

/**
 * @typedef {object} RunningService
 * @property {string} name
 * @property {number} pid
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string[]} lastLines what it said last, standard error first of all
 * @property {() => Promise<void>} ready resolves once `readyUrl` answers 2xx
 * @property {() => Promise<void>} stop
 */

/**
 * @param {Service} service
 * @param {object} context
 * @param {(name: string, line: string) => void} context.print
 * @param {(pid: number) => void} context.onSpawn
 * @param {number} context.readyWithinMs
 * @param {() => void} context.check throws when waiting has become pointless
 * @returns {RunningService}
 */
export function startService({ name, args, env, readyUrl }, { print, onSpawn, readyWithinMs, check }) {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    // Its own process group: Ctrl-C in the terminal reaches only the parent, which stops things in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid;
  if (!pid) throw new Error(`${name} could not be started`);
  onSpawn(pid);
  /** @type {string[]} */
  const errors = [];
  /** @type {string[]} */
  const outputs = [];
  for (const [stream, kept] of /** @type {const} */ ([
    [child.stdout, outputs],
    [child.stderr, errors],
  ])) {
    createInterface({ input: stream }).on('line', (line) => {
      print(name, line);
      kept.push(line);
      if (kept.length > LINES_KEPT) kept.shift();
    });
  }
  return {
    name,
    pid,
    child,
    lastLines: () => (errors.length > 0 ? errors : outputs),
    async ready() {
      await waitUntil(
        () => {
          check();
          return answers(readyUrl);
        },
        { timeoutMs: readyWithinMs, intervalMs: 100, what: `${name} being ready (${readyUrl})` },
      );
    },
    stop: async () => void (await endProcess(pid, SHUTDOWN)),
  };
}

/** @param {string} url */
async function answers(url) {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
