import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { processIdentity } from './process.mjs';
import { waitUntil } from './wait.mjs';

/**
 * Takes a lock that is a file naming its holder. A holder that is no more does not count, nor does another process that
 * was given the holder's id since.
 *
 * @param {string} file
 * @returns {{ release: () => void } | { heldBy: number }}
 */
export function tryLock(file) {
  mkdirSync(dirname(file), { recursive: true });
  const own = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) });
  // A link appears whole or not at all, unlike a file that is still being written.
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, own);
  try {
    for (;;) {
      try {
        linkSync(draft, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
      }
      const holder = read(file);
      if (!holder) continue;
      if (processIdentity(holder.pid) === holder.identity) return { heldBy: holder.pid };
      discard(file, holder.pid);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * @param {string} file
 * @returns {number | undefined} the process that holds the lock at this moment
 */
export function lockHolder(file) {
  const holder = read(file);
  return holder && processIdentity(holder.pid) === holder.identity ? holder.pid : undefined;
}

/**
 * Does `work` while holding the lock, waiting for it when another process has it.
 *
 * @template T
 * @param {string} file
 * @param {{ onWait: (pid: number) => void, work: () => Promise<T> }} options
 * @returns {Promise<T>}
 */
export async function withLock(file, { onWait, work }) {
  let told = false;
  const lock = await waitUntil(
    () => {
      const attempt = tryLock(file);
      if ('release' in attempt) return attempt;
      if (!told) onWait(attempt.heldBy);
      told = true;
      return undefined;
    },
    { timeoutMs: 600_000, intervalMs: 200, what: `the lock ${file}` },
  );
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/**
 * @param {string} file
 * @returns {{ pid: number, identity: string } | undefined}
 */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Removes a dead holder's lock. Two may find the same one dead: what was moved aside is looked at again, and put back
 * when it is the lock that the faster one took meanwhile.
 *
 * @param {string} file
 * @param {number} deadPid
 */
function discard(file, deadPid) {
  const aside = `${file}.discarded-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside)?.pid !== deadPid) linkSync(aside, file);
  rmSync(aside, { force: true });
}
