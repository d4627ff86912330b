import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeWhole } from './atomic.mjs';
import { withDebianPackage } from './debian-package.mjs';
import { inspectNatsServer } from './nats-version.mjs';

/**
 * Fetches Debian's newest nats-server package and puts the program at `destination`.
 *
 * @param {object} options
 * @param {string} options.destination
 * @param {string} [options.etc] where apt's configuration and os-release are
 * @param {AbortSignal} [options.signal]
 * @throws {Error} saying why this machine cannot do it
 */
export async function fetchNatsByApt({ destination, etc, signal }) {
  await withDebianPackage({ name: 'nats-server', suite: 'sid', etc, signal }, async (folder) => {
    const program = join(folder, 'usr/sbin/nats-server');
    const inspected = inspectNatsServer(program);
    if ('refused' in inspected) throw new Error(inspected.refused);
    await makeWhole(destination, (unfinished) => {
      copyFileSync(program, unfinished);
      chmodSync(unfinished, 0o755);
    });
  });
}
