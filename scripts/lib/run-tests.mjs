import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareProject } from './bootstrap.mjs';
import { guardServer } from './guard.mjs';
import { findNatsServer } from './nats-binary.mjs';
import { print } from './print.mjs';
import { runGroup } from './run-group.mjs';
import { projectRoot } from './settings.mjs';
import { startTemporaryPostgres } from './temporary-postgres.mjs';
import { countTests } from './test-report.mjs';
import { stopSignal } from './wait-for-stop.mjs';

/** What a developer's shell may hold, and what would let a test reach that developer's servers or spend money. */
const NOT_FOR_TESTS = [
  'REPLICATE_API_TOKEN',
  'REPLICATE_BASE_URL',
  'DATABASE_URL',
  'NATS_URL',
  'STORAGE_URL',
  'DATA_DIR',
];

/**
 * Runs jest, with all that the tests need: a build, a nats-server and a PostgreSQL.
 *
 * @param {import('./settings.mjs').Settings} settings
 * @param {{ args: string[], env?: Record<string, string> }} options `args` of jest; what the tests find in `env` besides
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runTests(settings, { args, env: further = {} }) {
  const { cacheDir, natsServerBin, natsDownloadUrl, searchPath, testDatabaseUrl } = settings;
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
      const servers = { NATS_SERVER_BIN: natsServer, TEST_DATABASE_URL: testDatabaseUrl ?? database?.url };
      const env = { ...process.env, ...servers, ...further };
      for (const name of NOT_FOR_TESTS) delete env[/** @type {keyof typeof env} */ (name)];
      return await runJest({ args, env, folder, stopping });
    } finally {
      await database?.stop();
      release?.();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ args: string[], env: NodeJS.ProcessEnv, folder: string, stopping: AbortSignal }} options
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function runJest({ args, env, folder, stopping }) {
  const output = join(folder, 'jest.json');
  const jest = join(projectRoot, 'node_modules', 'jest', 'bin', 'jest.js');
  const all = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest]
    .concat(['--json', `--outputFile=${output}`])
    .concat(args);
  const code = await runGroup(all, { cwd: projectRoot, env, folder, stopping, report: output });
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
