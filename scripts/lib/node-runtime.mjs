import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { makeWhole } from './atomic.mjs';
import { runCommand } from './command.mjs';
import { onEndOfNpm } from './parent.mjs';

/** The oldest Node.js that MikroORM 7 runs on. */
const MINIMUM = [22, 17];

/** What is fetched where the machine's Node.js is older: an npm package that holds nothing but the program. */
const FETCHED_VERSION = '24.21.0';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/**
 * Makes sure that the calling script runs on a Node.js that Darkroom supports. On an older one it fetches one into the
 * cache, runs the script again with it and ends with its exit code; then it never returns.
 *
 * @param {string} cacheDir
 */
export async function requireSupportedNode(cacheDir) {
  if (isSupported(process.versions.node)) return;
  try {
    const binary = await fetchedNode(cacheDir);
    process.exit(await runAgain(binary));
  } catch (error) {
    console.error(
      `Darkroom needs Node.js ${MINIMUM.join('.')} or newer; this is ${process.version}, and fetching one failed:\n` +
        `${/** @type {Error} */ (error).message}\nInstall Node.js 24 by any means, put it on PATH, and start again.`,
    );
    process.exit(1);
  }
}

/**
 * To be called when the script is done: the channel to the process that ran it again would keep it alive.
 */
export function leaveParent() {
  process.removeAllListeners('disconnect');
  if (process.connected) process.disconnect();
}

/** @param {string} version */
export function isSupported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = MINIMUM;
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/**
 * The Node.js in the cache, fetched when it is missing.
 *
 * @param {string} cacheDir
 * @returns {Promise<string>} path of the program
 */
export async function fetchedNode(cacheDir) {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) throw new Error(`There is no package of Node.js for ${platform}.`);
  const home = join(cacheDir, 'node', `${FETCHED_VERSION}-${platform}`);
  const binary = join(home, 'node_modules', `node-${platform}`, 'bin', 'node');
  if (existsSync(binary)) return binary;

  console.log(`node      ${process.version} is too old: fetching ${FETCHED_VERSION} into ${home}`);
  await makeWhole(home, async (unfinished) => {
    mkdirSync(unfinished, { recursive: true });
    writeFileSync(join(unfinished, 'package.json'), '{ "private": true }');
    await runCommand(
      'npm',
      ['install', '--prefix', unfinished, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'].concat([
        '--loglevel=error',
        `node-${platform}@${FETCHED_VERSION}`,
      ]),
      { cwd: unfinished, timeoutMs: 300_000 },
    );
  });
  return binary;
}

/**
 * Runs this very script again. The channel between the two tells the inner one when this one is killed.
 *
 * @param {string} binary
 * @returns {Promise<number>} its exit code
 */
function runAgain(binary) {
  const env = {
    ...process.env,
    PATH: [dirname(binary), process.env.PATH].join(delimiter),
    NODE: binary,
    npm_node_execpath: binary,
  };
  const child = spawn(binary, [...process.execArgv, ...process.argv.slice(1)], {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal));
  }
  onEndOfNpm(() => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
