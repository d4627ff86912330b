/** `npm run bench [-- <benchmark>... --write]`: measures Darkroom on this machine (docs/benchmarks.md). */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareProject } from './lib/bootstrap.mjs';
import { guardServer } from './lib/guard.mjs';
import { findNatsServer } from './lib/nats-binary.mjs';
import { startNatsServer } from './lib/nats-server.mjs';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { print, printError } from './lib/print.mjs';
import { runGroup } from './lib/run-group.mjs';
import { MALLOC, NODE_ARGS } from './lib/services.mjs';
import { projectRoot, readSettings } from './lib/settings.mjs';
import { startTemporaryPostgres } from './lib/temporary-postgres.mjs';
import { stopSignal } from './lib/wait-for-stop.mjs';

try {
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  process.exitCode = await bench(settings);
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
leaveParent();

/**
 * @param {import('./lib/settings.mjs').Settings} settings
 * @returns {Promise<number>} exit code
 */
async function bench({ cacheDir, natsServerBin, natsDownloadUrl, searchPath }) {
  const stopping = stopSignal(() => process.exit(1));
  const say = (/** @type {string} */ line) => print('setup', line);
  await prepareProject({ build: true, say, signal: stopping });
  const binary = await findNatsServer({
    explicit: natsServerBin,
    cacheDir,
    searchPath,
    downloadUrl: natsDownloadUrl,
    say,
    signal: stopping,
  });
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const appsDir = join(folder, 'apps');
  /** @type {(() => unknown)[]} */
  const cleanUp = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    mkdirSync(appsDir);
    const postgres = await startTemporaryPostgres({ projectRoot, folder });
    cleanUp.push(guardServer(postgres.pid, folder), postgres.stop);
    const nats = await startNatsServer({ binary, dir: join(folder, 'nats'), logFile: join(folder, 'nats.log') });
    cleanUp.push(guardServer(nats.pid, folder), nats.stop);
    const main = join(projectRoot, 'dist', 'bench', 'src', 'main.js');
    const args = [
      '--enable-source-maps',
      main,
      `--nats=${nats.url}`,
      `--postgres=${postgres.url}`,
      `--folder=${appsDir}`,
      `--app-env=${JSON.stringify({ ...MALLOC, NODE_OPTIONS: NODE_ARGS.join(' ') })}`,
    ];
    return await runGroup(args.concat(process.argv.slice(2)), { cwd: projectRoot, env: process.env, folder, stopping });
  } finally {
    for (const step of cleanUp.reverse()) await step();
  }
}
