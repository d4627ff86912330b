import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runCommand } from './command.mjs';
import { makeWhole } from './atomic.mjs';
import { PINNED_SUMS, RELEASE } from './nats-release-sums.mjs';
import { inspectNatsServer } from './nats-version.mjs';

const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';

/** A machine without a way out should notice within seconds; a slow line may take its time for 7 MB. */
const ANSWER_WITHIN_MS = 8_000;
const ARCHIVE_WITHIN_MS = 180_000;

/**
 * Fetches the official release archive, checks its SHA-256 and puts the program at `destination`. When anything is
 * wrong nothing is kept.
 *
 * @param {object} options
 * @param {string} options.destination
 * @param {string} [options.baseUrl] a mirror of the project's release folder
 * @param {Record<string, string>} [options.pinned] SHA-256 by archive name; others are looked up in the release's own list
 * @param {AbortSignal} [options.signal]
 */
export async function fetchNatsRelease({ destination, baseUrl = RELEASES, pinned = PINNED_SUMS, signal }) {
  const archive = `nats-server-v${RELEASE}-${process.platform}-${architecture()}.tar.gz`;
  const folder = `${baseUrl.replace(/\/+$/, '')}/v${RELEASE}`;
  const expected = pinned[archive] ?? (await publishedSum(`${folder}/SHA256SUMS`, archive, signal));
  const content = await download(`${folder}/${archive}`, signal);
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual !== expected) {
    throw new Error(`${folder}/${archive} has the SHA-256 ${actual}, not ${expected}: refused`);
  }
  await makeWhole(destination, async (unfinished) => {
    const scratch = `${unfinished}.d`;
    try {
      mkdirSync(scratch, { recursive: true });
      writeFileSync(join(scratch, archive), content);
      await runCommand('tar', ['-xzf', archive], { cwd: scratch, signal, timeoutMs: 60_000 });
      copyFileSync(join(scratch, basename(archive, '.tar.gz'), 'nats-server'), unfinished);
      chmodSync(unfinished, 0o755);
      const inspected = inspectNatsServer(unfinished);
      if ('refused' in inspected) throw new Error(inspected.refused);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

/** The name that the release's archives give to this processor. */
function architecture() {
  /** @type {Record<string, string>} */
  const names = { x64: 'amd64', ia32: '386', arm: 'arm7', ppc64: 'ppc64le' };
  return names[process.arch] ?? process.arch;
}

/**
 * @param {string} url
 * @param {string} archive
 * @param {AbortSignal} [signal]
 */
async function publishedSum(url, archive, signal) {
  const list = (await download(url, signal)).toString('utf8');
  const line = list.split('\n').find((entry) => entry.trim().endsWith(archive));
  if (!line) throw new Error(`${url} does not name ${archive}`);
  return line.trim().split(/\s+/)[0];
}

/**
 * @param {string} url
 * @param {AbortSignal} [signal]
 */
async function download(url, signal) {
  const tooSlow = new AbortController();
  let timer = setTimeout(() => tooSlow.abort(), ANSWER_WITHIN_MS);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([tooSlow.signal, ...(signal ? [signal] : [])]) });
    clearTimeout(timer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    timer = setTimeout(() => tooSlow.abort(), ARCHIVE_WITHIN_MS);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    const { cause, message } = /** @type {Error & { cause?: Error }} */ (error);
    throw new Error(`${url}: ${tooSlow.signal.aborted ? 'no answer in time' : (cause?.message ?? message)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}
