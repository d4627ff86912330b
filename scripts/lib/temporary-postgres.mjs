import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.mjs';
import { isReachable, postgresAccount, postgresBinaries } from './postgres-home.mjs';
import { initialisePostgres, startPostgresServer } from './postgres-server.mjs';

/**
 * Starts a PostgreSQL for tests in `folder`: no password, and no flush to disk, because its data need not survive the
 * machine. (They survive the server: what a killed server wrote is in the machine's memory.)
 *
 * @param {{ projectRoot: string, folder: string, port?: number }} options
 * @returns {Promise<import('./postgres-server.mjs').RunningPostgres & { url: string }>} url: as the superuser
 */
export async function startTemporaryPostgres({ projectRoot, folder, port }) {
  const account = postgresAccount();
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir, { recursive: true });
  if (account) for (const path of [folder, dataDir]) chownSync(path, account.uid, account.gid);
  if (!isReachable(dataDir, account)) {
    throw new Error(
      `The account \`postgres\` cannot reach ${folder}: set TMPDIR to a folder that everybody may enter.`,
    );
  }
  const binaries = await postgresBinaries(projectRoot, account);
  initialisePostgres({ binaries, dataDir, account, auth: 'trust' });
  const server = await startPostgresServer({
    binaries,
    dataDir,
    account,
    port: port ?? (await freePort()),
    logFile: join(folder, 'server.log'),
    // What was committed survives the server's death, though not the machine's: fast enough, and safe to kill.
    settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300' },
  });
  return { ...server, url: `postgres://postgres@127.0.0.1:${server.port}/postgres` };
}
