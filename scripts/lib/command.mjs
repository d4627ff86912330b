import { spawn } from 'node:child_process';
import { sendSignal } from './process.mjs';

/** Enough for a compiler's complaint and the stack trace that it puts below. */
const LINES_SHOWN = 80;

/**
 * Runs a command to its end.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {boolean} [options.quiet] keep its output, and show it only in the error
 * @param {number} [options.timeoutMs]
 * @param {AbortSignal} [options.signal] ends it, and all that it started
 * @returns {Promise<string>} its standard output, when quiet
 * @throws {Error} when it does not exit with 0, with the end of what it said
 */
export function runCommand(command, args, { cwd, env, quiet = true, timeoutMs, signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new Error(`${command} was not run: stopping`));
    // Its own process group, so that its children end with it.
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let stdout = '';
    let said = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
      said += chunk;
    });
    child.stderr?.on('data', (chunk) => (said += chunk));

    /** @type {string | undefined} */
    let cut;
    const end = (/** @type {string} */ reason) => {
      cut = reason;
      if (child.pid) sendSignal(-child.pid, 'SIGKILL');
    };
    const onAbort = () => end('stopped');
    const timer = timeoutMs ? setTimeout(() => end(`not done within ${timeoutMs / 1000} s`), timeoutMs) : undefined;
    signal?.addEventListener('abort', onAbort, { once: true });

    const settle = (/** @type {string | undefined} */ failure) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      if (!failure) return resolve(stdout);
      const tail = said.trimEnd().split('\n').slice(-LINES_SHOWN).join('\n');
      reject(new Error(`${command} ${args.join(' ')}: ${failure}${tail ? `\n${tail}` : ''}`));
    };
    child.once('error', (error) => settle(error.message));
    child.once('close', (code, killedBy) => settle(cut ?? (code === 0 ? undefined : `exit ${code ?? killedBy}`)));
  });
}
