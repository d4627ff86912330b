import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from './atomic.mjs';

/**
 * The secrets of this DATA_DIR, made once. The file is readable by its owner only.
 *
 * @param {string} dataDir
 * @returns {{ jwtSecret: string, adminKey: string }}
 */
export function localSecrets(dataDir) {
  const file = join(dataDir, 'secrets.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const secrets = { jwtSecret: randomBytes(32).toString('hex'), adminKey: `dk_${randomBytes(24).toString('hex')}` };
  replaceFile(file, `${JSON.stringify(secrets, null, 2)}\n`, 0o600);
  return secrets;
}
