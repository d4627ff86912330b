import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './atomic.mjs';
import { endProcess, processIdentity } from './process.mjs';

/** Everything of ours understands SIGINT: for PostgreSQL it is the fast shutdown, SIGTERM would wait for its clients. */
const SHUTDOWN = /** @type {import('./process.mjs').Step[]} */ ([
  { signal: 'SIGINT', graceMs: 15_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
]);

/**
 * Notes that a process of the stack runs, so that a later start finds it when this one is killed.
 *
 * @param {string} dataDir
 * @param {{ name: string, pid: number, order: number }} process_ order: place in the start sequence
 */
export function recordProcess(dataDir, { name, pid, order }) {
  const record = { name, pid, order, identity: processIdentity(pid) };
  replaceFile(join(dataDir, 'run', `${name}.json`), JSON.stringify(record));
}

/**
 * @param {string} dataDir
 * @param {string} name
 */
export function forgetProcess(dataDir, name) {
  rmSync(join(dataDir, 'run', `${name}.json`), { force: true });
}

/**
 * Ends what a killed stack left running in this DATA_DIR, last started first. A process id that belongs to another
 * process by now is left alone.
 *
 * @param {string} dataDir
 * @returns {Promise<{ name: string, pid: number }[]>} what was ended
 */
export async function endLeftovers(dataDir) {
  const folder = join(dataDir, 'run');
  mkdirSync(folder, { recursive: true });
  const records = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => readRecord(join(folder, file)))
    .sort((a, b) => b.order - a.order);
  const ended = [];
  for (const { name, pid, identity } of records) {
    if (identity && processIdentity(pid) === identity) {
      await endProcess(pid, SHUTDOWN);
      ended.push({ name, pid });
    }
    forgetProcess(dataDir, name);
  }
  return ended;
}

/**
 * @param {string} file
 * @returns {{ name: string, pid: number, order: number, identity?: string }[]}
 */
function readRecord(file) {
  try {
    return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8'))] : [];
  } catch {
    return [];
  }
}
