import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';

const SOURCES = ['apps', 'libs', 'bench', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/**
 * Builds `dist` unless it was built from exactly these sources.
 *
 * @param {{ projectRoot: string, say: (line: string) => void, signal?: AbortSignal }} options
 */
export async function buildProject({ projectRoot, say, signal }) {
  const dist = join(projectRoot, 'dist');
  const marker = join(dist, '.built-from');
  const fingerprint = fingerprintOf(projectRoot);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === fingerprint) return;

  say('building (nest build --all)');
  // What was compiled from a source that is gone must not stay.
  rmSync(dist, { recursive: true, force: true });
  const nest = join(projectRoot, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  await runCommand(process.execPath, [nest, 'build', '--all'], { cwd: projectRoot, timeoutMs: 300_000, signal });
  writeFileSync(marker, fingerprint);
}

/**
 * A digest of every file that the build reads.
 *
 * @param {string} projectRoot
 */
export function fingerprintOf(projectRoot) {
  const hash = createHash('sha256');
  const add = (/** @type {string} */ path) => {
    const file = join(projectRoot, path);
    if (existsSync(file)) hash.update(`${path}\0`).update(readFileSync(file)).update('\0');
  };
  for (const source of SOURCES) {
    const folder = join(projectRoot, source);
    if (source.includes('.')) {
      add(source);
      continue;
    }
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(projectRoot.length + 1));
    for (const path of paths.sort()) add(path);
  }
  return hash.digest('hex');
}
