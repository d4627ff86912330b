/** `npm test [-- <jest arguments>]`: every test tier, against a real NATS and a real PostgreSQL. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareProject } from './lib/bootstrap.mjs';
import { guardServer } from './lib/guard.mjs';
import { findNatsServer } from './lib/nats-binary.mjs';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { print, printError } from './lib/print.mjs';
import { runGroup } from './lib/run-group.mjs';
import { projectRoot, readSettings } from './lib/settings.mjs';
import { startTemporaryPostgres } from './lib/temporary-postgres.mjs';
import { countTests } from './lib/test-report.mjs';
import { stopSignal } from './lib/wait-for-stop.mjs';

/** What a developer's shell may hold, and what would let a test reach that developer's servers or spend money. */
const NOT_FOR_TESTS = [
  'REPLICATE_API_TOKEN',
  'REPLICATE_BASE_URL',
  'DATABASE_URL',
  'NATS_URL',
  'STORAGE_URL',
  'DATA_DIR',
];

let report = { passed: 0, failed: 1 };
try {
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  report = await test(settings);
} catch (error) {
  printError(error);
}
process.stdout.write(`${report.passed} passed, ${report.failed} failed\n`);
process.exitCode = report.failed > 0 ? 1 : 0;
leaveParent();

/**
 * @param {import('./lib/settings.mjs').Settings} settings
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function test({ cacheDir, natsServerBin, natsDownloadUrl, searchPath, testDatabaseUrl }) {
  const stopping = stopSignal(() => process.exit(1));
  await prepareProject({ build: true, say: (line) => print('setup', line), signal: stopping });
  const natsServer = await findNatsServer({
    explicit: natsServerBin,
    cacheDir,
    searchPath,
    downloadUrl: natsDownloadUrl,
    say: (line) => print('nats', line),
    signal: stopping,
  });
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-test-'));
  try {
    const database = testDatabaseUrl ? undefined : await startTemporaryPostgres({ projectRoot, folder });
    const release = database ? guardServer(database.pid, folder) : undefined;
    try {
      const env = { ...process.env, NATS_SERVER_BIN: natsServer, TEST_DATABASE_URL: testDatabaseUrl ?? database?.url };
      for (const name of NOT_FOR_TESTS) delete env[/** @type {keyof typeof env} */ (name)];
      return await runJest({ env, folder, stopping });
    } finally {
      await database?.stop();
      release?.();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ env: NodeJS.ProcessEnv, folder: string, stopping: AbortSignal }} options
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function runJest({ env, folder, stopping }) {
  const output = join(folder, 'jest.json');
  const jest = join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest]
    .concat(['--json', `--outputFile=${output}`])
    .concat(process.argv.slice(2));
  const code = await runGroup(args, { cwd: projectRoot, env, folder, stopping });
  return countTests(readIfWritten(output), code);
}

/** @param {string} file */
function readIfWritten(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
