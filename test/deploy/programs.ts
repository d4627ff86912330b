import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { makeWhole, withDebianPackage } from '../support/servers.mjs';
import { ROOT } from './compose-file.js';

interface Program {
  readonly name: string;
  /** Packages of Debian that hold it, the best first. Without a suite: that of this machine's release. */
  readonly packages: readonly { readonly name: string; readonly suite?: string; readonly path: string }[];
}

/** Of the major version that docker-compose.yml runs, where that can be had. */
export const PROMETHEUS: Program = {
  name: 'prometheus',
  packages: [
    { name: 'prometheus', suite: 'sid', path: 'usr/bin/prometheus' },
    { name: 'prometheus', path: 'usr/bin/prometheus' },
  ],
};
export const PROMTOOL: Program = {
  name: 'promtool',
  packages: [
    { name: 'promtool', suite: 'sid', path: 'usr/bin/promtool' },
    { name: 'prometheus', path: 'usr/bin/promtool' },
  ],
};
/** Docker's plugin is a program of its own as well, which needs no Docker to read a file. */
export const COMPOSE: Program = {
  name: 'docker-compose',
  packages: [{ name: 'docker-compose', suite: 'sid', path: 'usr/libexec/docker/cli-plugins/docker-compose' }],
};

const CACHE = join(ROOT, '.darkroom/cache/test-programs');

/**
 * Finds a program on PATH or in the cache; else fetches Debian's package, which is unpacked and not installed.
 * @returns its path; or null, and why this machine cannot have it, to be shown with the tests that are skipped
 */
export async function findProgram({ name, packages }: Program): Promise<{ path: string | null; why: string }> {
  const cached = join(CACHE, name);
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = [...folders.map((folder) => join(folder, name)), cached].find(existsSync);
  if (found) return { path: found, why: '' };
  let why = '';
  for (const source of packages) {
    try {
      await withDebianPackage(source, (unpacked) => take(join(unpacked, source.path), cached));
      return { path: cached, why: '' };
    } catch (error) {
      why = ` (no ${name}: ${(error as Error).message.split('\n')[0]})`;
    }
  }
  return { path: null, why };
}

/** Another release's program may need libraries that are not here. */
async function take(program: string, destination: string): Promise<void> {
  const { status, stderr, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`it does not run here: ${error?.message ?? stderr.trim()}`);
  await makeWhole(destination, (unfinished) => {
    copyFileSync(program, unfinished);
    chmodSync(unfinished, 0o755);
  });
}
