import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fetchNatsByApt } from './nats-apt.mjs';
import { fetchNatsRelease } from './nats-release.mjs';
import { inspectNatsServer, MINIMUM_NATS } from './nats-version.mjs';

/**
 * @typedef {object} Search
 * @property {string | undefined} explicit NATS_SERVER_BIN
 * @property {string} cacheDir
 * @property {string} searchPath PATH
 * @property {string | undefined} downloadUrl NATS_SERVER_DOWNLOAD_URL
 * @property {(line: string) => void} say
 * @property {string} [etc]
 * @property {AbortSignal} [signal]
 */

/**
 * Finds a nats-server that is new enough, fetching one into the cache when the machine has none: NATS_SERVER_BIN, the
 * cache, PATH, the official release, Debian's archive. It says which one was taken, and why others were not.
 *
 * @param {Search} search
 * @returns {Promise<string>} path of the program
 * @throws {Error} when NATS_SERVER_BIN is not usable, or when no way led to one; it says what to do
 */
export async function findNatsServer({ explicit, cacheDir, searchPath, downloadUrl, say, etc, signal }) {
  if (explicit) {
    const inspected = inspectNatsServer(explicit);
    if ('refused' in inspected) {
      throw new Error(
        `NATS_SERVER_BIN: ${inspected.refused} (Without NATS_SERVER_BIN, one is looked for and fetched.)`,
      );
    }
    say(`${inspected.version} from NATS_SERVER_BIN (${explicit})`);
    return explicit;
  }

  const cached = join(cacheDir, 'nats-server');
  const candidates = [cached, ...searchPath.split(delimiter).map((folder) => join(folder, 'nats-server'))];
  for (const candidate of candidates.filter((path) => existsSync(path))) {
    const inspected = inspectNatsServer(candidate);
    if ('version' in inspected) {
      say(`${inspected.version} from ${candidate === cached ? 'the cache' : 'PATH'} (${candidate})`);
      return candidate;
    }
    say(`not taken: ${inspected.refused}`);
  }

  const ways = [
    {
      name: 'the official release',
      fetch: () => fetchNatsRelease({ destination: cached, baseUrl: downloadUrl, signal }),
    },
    {
      name: "Debian's archive (apt; nothing is installed)",
      fetch: () => fetchNatsByApt({ destination: cached, etc, signal }),
    },
  ];
  for (const way of ways) {
    say(`fetching it from ${way.name}`);
    try {
      await way.fetch();
      const inspected = inspectNatsServer(cached);
      if ('refused' in inspected) throw new Error(inspected.refused);
      say(`${inspected.version} from ${way.name}, kept in ${cached}`);
      return cached;
    } catch (error) {
      if (signal?.aborted) throw error;
      say(`not from ${way.name}: ${/** @type {Error} */ (error).message}`);
    }
  }
  throw new Error(
    `No nats-server ${MINIMUM_NATS} or newer was found or could be fetched. Get one (https://nats.io/download), put it ` +
      'on PATH or set NATS_SERVER_BIN to it; or set NATS_URL to a running server with JetStream.',
  );
}
