/** `node scripts/run.mjs <command> [arguments]`: runs a command with a supported Node.js and the packages in place. */
import { spawn } from 'node:child_process';
import { prepareProject } from './lib/bootstrap.mjs';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { print, printError } from './lib/print.mjs';
import { projectRoot, readSettings } from './lib/settings.mjs';

try {
  await requireSupportedNode(readSettings(process.env).cacheDir);
  await prepareProject({ build: false, say: (line) => print('setup', line) });
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
leaveParent();

/**
 * @param {string[]} command
 * @returns {Promise<number>}
 */
function run([command = 'node', ...args]) {
  const child = spawn(command, args, { cwd: projectRoot, stdio: 'inherit' });
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM']))
    process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
