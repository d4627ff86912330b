import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { waitUntil } from './wait.mjs';

/** @typedef {{ signal: NodeJS.Signals, graceMs: number }} Step */

/**
 * True while a process with this id exists, whoever owns it. A zombie counts as gone: it holds no file and no port.
 *
 * @param {number} pid
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
  if (process.platform !== 'linux') return true;
  try {
    return statFields(pid)[0] !== 'Z';
  } catch {
    return false;
  }
}

/**
 * What tells a process from a later one that was given the same id: its start time.
 *
 * @param {number} pid
 * @returns {string | undefined} undefined when there is no such process
 */
export function processIdentity(pid) {
  if (!isAlive(pid)) return undefined;
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    }
    // Field 22 of stat counts from boot; the boot id keeps it from meaning another process after a reboot.
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${statFields(pid)[19]}`;
  } catch {
    return undefined;
  }
}

/**
 * The command line of a process, or '' when there is no such process.
 *
 * @param {number} pid
 */
export function commandLine(pid) {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}

/**
 * Ends a process: each signal in turn, the next one only when the grace of the one before has passed.
 *
 * @param {number} pid
 * @param {Step[]} steps
 * @returns {Promise<NodeJS.Signals | undefined>} the signal that ended it; undefined when it was gone before
 * @throws {Error} when it outlives the last step
 */
export async function endProcess(pid, steps) {
  for (const { signal, graceMs } of steps) {
    if (!isAlive(pid)) return undefined;
    sendSignal(pid, signal);
    try {
      await waitUntil(() => !isAlive(pid), { timeoutMs: graceMs, what: `end of process ${pid}` });
      return signal;
    } catch {
      // It did not listen: the next step is firmer.
    }
  }
  throw new Error(`process ${pid} does not end, not even by ${steps.at(-1)?.signal}`);
}

/**
 * Sends a signal; a process that is already gone is no error.
 *
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 */
export function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error;
  }
}

/**
 * The fields of /proc/<pid>/stat from the state on; the name before it may hold spaces and brackets.
 *
 * @param {number} pid
 */
function statFields(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
