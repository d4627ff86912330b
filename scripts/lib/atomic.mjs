import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './process.mjs';

/**
 * Makes a file or folder beside its destination and moves it there when it is whole: whoever sees the destination sees
 * all of it, also when this process dies half-way or another one makes the same thing at the same time (the first wins).
 *
 * @param {string} destination
 * @param {(unfinished: string) => void | Promise<void>} make
 */
export async function makeWhole(destination, make) {
  const unfinished = `${destination}.unfinished-${process.pid}-${randomBytes(4).toString('hex')}`;
  mkdirSync(dirname(destination), { recursive: true });
  removeAbandoned(destination);
  try {
    await make(unfinished);
    renameSync(unfinished, destination);
  } catch (error) {
    const isBeaten = /** @type {NodeJS.ErrnoException} */ (error).syscall === 'rename' && existsSync(destination);
    if (!isBeaten) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/**
 * Replaces a file: a reader sees the old content or the new one, never a part.
 *
 * @param {string} file
 * @param {string} content
 * @param {number} [mode]
 */
export function replaceFile(file, content, mode = 0o644) {
  const unfinished = `${file}.unfinished-${process.pid}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(unfinished, content, { mode });
  renameSync(unfinished, file);
}

/**
 * Removes what processes that are no more left unfinished.
 *
 * @param {string} destination
 */
function removeAbandoned(destination) {
  const prefix = `${basename(destination)}.unfinished-`;
  for (const name of readdirSync(dirname(destination))) {
    if (!name.startsWith(prefix) || isAlive(parseInt(name.slice(prefix.length), 10))) continue;
    rmSync(join(dirname(destination), name), { recursive: true, force: true });
  }
}
