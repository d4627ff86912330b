import { join } from 'node:path';
import { projectRoot } from './settings.mjs';

/**
 * How Node runs Darkroom: an app lives on 60 MB, and left alone, on a large machine, keeps hundreds after a busy minute.
 * New objects get 8 MB at a time instead of 64, and below a limit of 2 GB V8 lets garbage grow by half, not fourfold.
 */
export const NODE_ARGS = ['--enable-source-maps', '--max-semi-space-size=8', '--max-old-space-size=1024'];

/** glibc's malloc keeps what it freed in up to eight arenas a core, for image decoders and their threads. */
export const MALLOC = { MALLOC_ARENA_MAX: '2' };

/**
 * Darkroom's own processes with the environment that each gets, in the order in which they start.
 *
 * @param {object} options
 * @param {import('./settings.mjs').Settings} options.settings
 * @param {{ jwtSecret: string, adminKey: string }} options.secrets
 * @param {{ databaseUrl: string, natsUrl: string }} options.addresses
 * @returns {import('./service.mjs').Service[]}
 */
export function darkroomServices({ settings, secrets, addresses }) {
  const { host, port, workerPort, simulatorPort, dataDir, replicateToken } = settings;
  const env = {
    ...MALLOC,
    DATABASE_URL: addresses.databaseUrl,
    NATS_URL: addresses.natsUrl,
    DATA_DIR: dataDir,
    HOST: host,
    PORT: String(port),
    WORKER_PORT: String(workerPort),
    AUTH_JWT_SECRET: secrets.jwtSecret,
    ADMIN_API_KEY: secrets.adminKey,
    ...(replicateToken ? {} : simulatorAccess(host, simulatorPort)),
  };
  const service = (/** @type {string} */ name, /** @type {string} */ readyUrl, extra = {}) => ({
    name,
    args: [...NODE_ARGS, join(projectRoot, 'dist', 'apps', name, 'src', 'main.js')],
    env: { ...env, ...extra },
    readyUrl,
  });
  const simulatorUrl = urlOf(host, simulatorPort);
  return [
    ...(replicateToken
      ? []
      : [
          service('simulator', `${simulatorUrl}/control/counters`, {
            SIMULATOR_PORT: String(simulatorPort),
            SIMULATOR_DATA_DIR: join(dataDir, 'simulator'),
          }),
        ]),
    service('worker', `${urlOf(host, workerPort)}/health/ready`),
    service('gateway', `${urlOf(host, port)}/health/ready`),
  ];
}

/**
 * What makes the apps use the simulator: it is on a private address, and takes any token.
 *
 * @param {string} host
 * @param {number} port
 */
function simulatorAccess(host, port) {
  return {
    REPLICATE_BASE_URL: `${urlOf(host, port)}/v1`,
    REPLICATE_API_TOKEN: 'simulator',
    ALLOW_PRIVATE_URLS: 'true',
  };
}

/**
 * The address by which this machine reaches a server that listens on `host`.
 *
 * @param {string} host
 * @param {number} port
 */
export function urlOf(host, port) {
  return `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`;
}
