import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { guardServer } from './guard.mjs';
import { sendSignal } from './process.mjs';

/**
 * How long a process may take to end when its work is done. Node (24.21) was seen to wait for ever, at its very end, for
 * the close of sockets that had been reset. Milliseconds.
 */
const END_MS = 30_000;

/**
 * Runs this Node.js with `args` as a process group of its own, and waits for its end. Nothing of the group outlives
 * that, or this process.
 *
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, folder: string, stopping: AbortSignal, report?: string }} options `folder`
 * is removed with the group when this process is killed; `report` is a file that is written when all is done
 * @returns {Promise<number>} exit code; 0 of a process that had written its report and would not end
 */
export async function runGroup(args, { cwd, env, folder, stopping, report }) {
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  const pid = /** @type {number} */ (child.pid);
  const release = guardServer(-pid, folder);
  // The whole group: what the process started does not always end with it.
  const stop = () => {
    sendSignal(-pid, 'SIGTERM');
    setTimeout(() => sendSignal(-pid, 'SIGKILL'), 5_000).unref();
  };
  stopping.addEventListener('abort', stop, { once: true });
  let done = false;
  const watch = setInterval(() => {
    if (done || report === undefined || !existsSync(report)) return;
    done = true;
    setTimeout(() => sendSignal(-pid, 'SIGKILL'), END_MS).unref();
  }, 1_000);
  /** @type {number} */
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode) => resolve(exitCode ?? (done ? 0 : 1)));
  });
  clearInterval(watch);
  sendSignal(-pid, 'SIGKILL');
  release();
  return code;
}
