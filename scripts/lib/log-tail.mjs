import { existsSync, readFileSync } from 'node:fs';

/**
 * The last lines of a log file.
 *
 * @param {string} file
 * @returns {string[]}
 */
export function logTail(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8) : [];
}
