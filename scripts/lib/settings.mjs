import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The one place where the scripts read the environment. Empty counts as unset.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function readSettings(env) {
  const dataDir = resolve(env.DATA_DIR || join(projectRoot, '.darkroom'));
  return {
    dataDir,
    cacheDir: join(dataDir, 'cache'),
    host: env.HOST || '127.0.0.1',
    port: portOf(env, 'PORT', 3000),
    workerPort: portOf(env, 'WORKER_PORT', 3001),
    simulatorPort: portOf(env, 'SIMULATOR_PORT', 3002),
    natsUrl: env.NATS_URL || undefined,
    databaseUrl: env.DATABASE_URL || undefined,
    replicateToken: env.REPLICATE_API_TOKEN || undefined,
    jwtSecret: env.AUTH_JWT_SECRET || undefined,
    adminKey: env.ADMIN_API_KEY || undefined,
    natsServerBin: env.NATS_SERVER_BIN || undefined,
    /** A mirror of https://github.com/nats-io/nats-server/releases/download. */
    natsDownloadUrl: env.NATS_SERVER_DOWNLOAD_URL || undefined,
    /** Superuser URL of a PostgreSQL for `npm test`. */
    testDatabaseUrl: env.TEST_DATABASE_URL || undefined,
    searchPath: env.PATH ?? '',
  };
}

/** @typedef {ReturnType<typeof readSettings>} Settings */

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 * @param {number} fallback
 */
function portOf(env, name, fallback) {
  const value = Number(env[name] || fallback);
  if (Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
  throw new Error(`${name} must be a port (1 to 65535), but is ${env[name]}`);
}
