import { spawnSync } from 'node:child_process';

/** Message schedules, atomic batches and `sync_interval: always` came, or became sound, with 2.12. */
const MINIMUM = [2, 12];

export const MINIMUM_NATS = `${MINIMUM.join('.')}.0`;

/**
 * Looks at a nats-server by running it.
 *
 * @param {string} binary
 * @returns {{ version: string } | { refused: string }}
 */
export function inspectNatsServer(binary) {
  const run = spawnSync(binary, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (run.error) return { refused: `${binary} cannot be run (${run.error.message})` };
  const [, version, major, minor] = /v((\d+)\.(\d+)\.\d+\S*)/.exec(run.stdout) ?? [];
  if (!version) return { refused: `${binary} does not say its version` };
  const [leastMajor = 0, leastMinor = 0] = MINIMUM;
  if (Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor)) return { version };
  return {
    refused:
      `${binary} is nats-server ${version}, too old: ${MINIMUM_NATS} is needed. ` +
      'Install a newer one, or set NATS_SERVER_BIN to one.',
  };
}
