/** `npm start`: the whole of Darkroom on this machine, by one command (docs: README, "Run it"). */
import { prepareProject } from './lib/bootstrap.mjs';
import { findNatsServer } from './lib/nats-binary.mjs';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { print, printError } from './lib/print.mjs';
import { describeServer } from './lib/reachable.mjs';
import { localSecrets } from './lib/secrets.mjs';
import { darkroomServices } from './lib/services.mjs';
import { projectRoot, readSettings } from './lib/settings.mjs';
import { runStack } from './lib/stack.mjs';
import { welcome } from './lib/welcome.mjs';

try {
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  process.exitCode = await start(settings);
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
leaveParent();

/** @param {import('./lib/settings.mjs').Settings} settings */
async function start(settings) {
  const { dataDir, host, natsUrl, databaseUrl } = settings;
  const made = localSecrets(dataDir);
  const secrets = { jwtSecret: settings.jwtSecret ?? made.jwtSecret, adminKey: settings.adminKey ?? made.adminKey };
  const simulator = settings.replicateToken ? [] : [{ variable: 'SIMULATOR_PORT', port: settings.simulatorPort, host }];
  if (databaseUrl) print('postgres', `as DATABASE_URL says: ${await describeServer(databaseUrl, 5432)}`);
  if (natsUrl) print('nats', `as NATS_URL says: ${await describeServer(natsUrl, 4222)}`);

  return runStack({
    projectRoot,
    dataDir,
    databaseUrl,
    natsUrl,
    ports: [
      { variable: 'PORT', port: settings.port, host },
      { variable: 'WORKER_PORT', port: settings.workerPort, host },
      ...simulator,
    ],
    async prepare(signal) {
      await prepareProject({ build: true, say: (line) => print('setup', line), signal });
      const natsBinary = natsUrl ? '' : await findNats(settings, signal);
      return { natsBinary };
    },
    services: (addresses) => darkroomServices({ settings, secrets, addresses }),
    announce: () => process.stdout.write(welcome(settings, secrets.adminKey)),
    print,
  });
}

/**
 * @param {import('./lib/settings.mjs').Settings} settings
 * @param {AbortSignal} signal
 */
function findNats({ natsServerBin, cacheDir, searchPath, natsDownloadUrl }, signal) {
  return findNatsServer({
    explicit: natsServerBin,
    cacheDir,
    searchPath,
    downloadUrl: natsDownloadUrl,
    say: (line) => print('nats', line),
    signal,
  });
}
