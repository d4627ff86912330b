/** `npm run darkroom -- <command>`: the operator's commands, on what `npm start` runs or NATS_URL and DATABASE_URL name. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { prepareProject } from './lib/bootstrap.mjs';
import { embeddedAddresses } from './lib/embedded-servers.mjs';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { print, printError } from './lib/print.mjs';
import { projectRoot, readSettings } from './lib/settings.mjs';
import { runningStack } from './lib/stack.mjs';

const MAIN = join(projectRoot, 'dist', 'apps', 'cli', 'src', 'main.js');

try {
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  process.exitCode = await darkroom(settings, process.argv.slice(2));
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
leaveParent();

/**
 * @param {import('./lib/settings.mjs').Settings} settings
 * @param {string[]} args
 * @returns {Promise<number>} exit code
 */
async function darkroom(settings, args) {
  const { dataDir } = settings;
  const isRunning = runningStack(dataDir) !== undefined;
  const addresses = addressesOf(settings, isRunning);
  const isHelp = args.length === 0 || /^(-|help$)/.test(args[0] ?? '');
  if (!isHelp && !(addresses.NATS_URL && addresses.DATABASE_URL)) throw new Error(whatIsMissing(dataDir, isRunning));

  // What runs is left alone: its packages and its build are not exchanged under it, and the commands that fit it are
  // those of its own build.
  if (!isRunning) await prepareProject({ build: true, say: (line) => print('setup', line) });
  if (!existsSync(MAIN)) {
    throw new Error('Darkroom runs from a build that does not have these commands yet: end it, and `npm start` again.');
  }
  return runNode(['--enable-source-maps', MAIN, ...args], addresses);
}

/**
 * @param {import('./lib/settings.mjs').Settings} settings
 * @param {boolean} isRunning
 * @returns {Record<string, string>}
 */
function addressesOf({ natsUrl, databaseUrl, dataDir }, isRunning) {
  const embedded = isRunning ? embeddedAddresses(dataDir) : { natsUrl: undefined, databaseUrl: undefined };
  const nats = natsUrl ?? embedded.natsUrl;
  const database = databaseUrl ?? embedded.databaseUrl;
  return {
    ...(nats && { NATS_URL: nats }),
    ...(database && { DATABASE_URL: database }),
    // Where the images of what runs are.
    ...(isRunning && { DATA_DIR: dataDir }),
  };
}

/**
 * @param {string} dataDir
 * @param {boolean} isRunning
 */
function whatIsMissing(dataDir, isRunning) {
  return isRunning
    ? 'Darkroom runs with servers of your own: set NATS_URL and DATABASE_URL as you did for `npm start`.'
    : `Darkroom does not run from ${dataDir}: \`npm start\` it, or set NATS_URL and DATABASE_URL.`;
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} env added to this process's
 * @returns {Promise<number>} exit code
 */
function runNode(args, env) {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
