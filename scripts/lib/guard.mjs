import { spawn } from 'node:child_process';

/**
 * Watches over a server that a test started: when this process ends, however it ends (kill -9 included), the server is
 * killed and its folder removed. The watcher notices the end by its standard input closing.
 *
 * @param {number} pid of the server; negative for a whole process group
 * @param {string} folder
 * @returns {() => void} call it once the server was stopped and its folder removed otherwise
 */
export function guardServer(pid, folder) {
  const script =
    'cat >/dev/null; kill -s KILL -- "$1" 2>/dev/null; for _ in 1 2 3 4 5 6 7 8 9 10; do kill -s 0 -- "$1" 2>/dev/null && sleep 0.1; done; rm -rf "$2"';
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid), folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watcher.unref();
  /** @type {import('node:net').Socket} */ (/** @type {unknown} */ (watcher.stdin)).unref();
  return () => void watcher.kill('SIGKILL');
}
