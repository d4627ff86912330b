import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { archiveSource } from './apt-sources.mjs';
import { runCommand } from './command.mjs';

/**
 * Fetches a package of Debian's main archive with apt and unpacks it into a folder that is gone after `use`. Nothing is
 * installed: apt works in folders of its own, checks the archive's signatures as always, and needs no privileges.
 *
 * @param {object} options
 * @param {string} options.name
 * @param {string} [options.suite] e.g. sid; by default this machine's own
 * @param {string} [options.etc] where apt's configuration and os-release are
 * @param {AbortSignal} [options.signal]
 * @param {(folder: string) => void | Promise<void>} use
 * @throws {Error} saying why this machine cannot do it
 */
export async function withDebianPackage({ name, suite, etc = '/etc', signal }, use) {
  const osRelease = join(etc, 'os-release');
  const release = existsSync(osRelease) ? readFileSync(osRelease, 'utf8') : '';
  if (!/^ID="?debian"?$/m.test(release)) throw new Error('this is no Debian');
  const codename = /^VERSION_CODENAME="?(\w+)"?$/m.exec(release)?.[1] ?? 'sid';
  const source = archiveSource(sourceFiles(etc), codename, suite ?? codename);
  if (!source) throw new Error(`no source of Debian's main archive in ${join(etc, 'apt')}`);

  const scratch = mkdtempSync(join(tmpdir(), 'darkroom-apt-'));
  try {
    for (const folder of ['parts', 'lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(scratch, folder), { recursive: true });
    }
    writeFileSync(join(scratch, 'parts', source.name), source.content);
    const apt = (/** @type {string[]} */ ...command) =>
      runCommand('apt-get', [...privateFolders(scratch), ...command], { cwd: scratch, timeoutMs: 180_000, signal });
    await apt('update');
    await apt('download', name);
    const archive = readdirSync(scratch).find((file) => file.endsWith('.deb'));
    if (!archive) throw new Error('apt fetched nothing');
    await runCommand('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: scratch, signal });
    await use(join(scratch, 'unpacked'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @param {string} etc */
function sourceFiles(etc) {
  const single = join(etc, 'apt/sources.list');
  const folder = join(etc, 'apt/sources.list.d');
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(sources|list)$/.test(name)) : [];
  return [...(existsSync(single) ? [single] : []), ...names.sort().map((name) => join(folder, name))].map((path) => ({
    name: basename(path),
    content: readFileSync(path, 'utf8'),
  }));
}

/** @param {string} scratch */
function privateFolders(scratch) {
  return [
    'Dir::Etc::SourceList=/dev/null',
    `Dir::Etc::SourceParts=${scratch}/parts`,
    `Dir::State::Lists=${scratch}/lists`,
    `Dir::Cache=${scratch}/cache`,
    // apt's own account could not enter the private folders.
    'APT::Sandbox::User=root',
    // A machine without a way out should notice within seconds.
    'Acquire::http::Timeout=8',
    'Acquire::https::Timeout=8',
    'Acquire::Retries=0',
    'Acquire::Languages=none',
    // An index that could not be fetched is an error, not a warning.
    'APT::Update::Error-Mode=any',
  ].flatMap((setting) => ['-o', setting]);
}
