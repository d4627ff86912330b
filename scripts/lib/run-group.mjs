import { spawn } from 'node:child_process';
import { guardServer } from './guard.mjs';
import { sendSignal } from './process.mjs';

/**
 * Runs this Node.js with `args` as a process group of its own, and waits for its end. Nothing of the group outlives
 * that, or this process.
 *
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, folder: string, stopping: AbortSignal }} options `folder` is removed
 * with the group when this process is killed
 * @returns {Promise<number>} exit code
 */
export async function runGroup(args, { cwd, env, folder, stopping }) {
  const child = spawn(process.execPath, args, { cwd, env, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  const pid = /** @type {number} */ (child.pid);
  const release = guardServer(-pid, folder);
  // The whole group: what the process started does not always end with it.
  const stop = () => {
    sendSignal(-pid, 'SIGTERM');
    setTimeout(() => sendSignal(-pid, 'SIGKILL'), 5_000).unref();
  };
  stopping.addEventListener('abort', stop, { once: true });
  /** @type {number} */
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode) => resolve(exitCode ?? 1));
  });
  sendSignal(-pid, 'SIGKILL');
  release();
  return code;
}
