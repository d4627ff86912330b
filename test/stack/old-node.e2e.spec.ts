import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { isAlive, waitUntil } from '../support/servers.mjs';
import { launch } from './launch.js';

const script = join(import.meta.dirname, 'fixtures', 'needs-node.mjs');

/** A Node.js older than 22.17 that this machine has on PATH: the tests themselves run on a newer one. */
function findOldNode(): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return candidates.filter(existsSync).find((node) => {
    const [major = 0, minor = 0] = execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' })
      .split('.')
      .map(Number);
    return major >= 20 && (major < 22 || (major === 22 && minor < 17));
  });
}

const oldNode = findOldNode();
(oldNode ? describe : describe.skip)('on a machine with an old Node.js', () => {
  let cacheDir: string;
  const start = (env: NodeJS.ProcessEnv = {}) =>
    launch(oldNode ?? '', [script, cacheDir], {
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        PATH: `${dirname(oldNode ?? '')}${delimiter}${process.env.PATH}`,
        ...env,
      },
    });

  beforeAll(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'darkroom cache '));
  });
  afterAll(() => rm(cacheDir, { recursive: true, force: true }));

  it('says what to do when none can be fetched, and keeps nothing', async () => {
    const failing = start({
      npm_config_registry: 'http://127.0.0.1:1/',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(cacheDir, 'npm'),
    });
    expect(await failing.ended).toBe(1);
    expect(failing.output()).toMatch(/Darkroom needs Node\.js 22\.17 or newer[\s\S]*Install Node\.js 24/);
    expect(await readdir(join(cacheDir, 'node'))).toEqual([]);
  }, 60_000);

  it('two starts at once fetch one and go on with it; signals and exit codes pass through', async () => {
    const both = [start(), start()];
    for (const each of both) await each.prints(/running on v24\./, 180_000);
    expect(await readdir(join(cacheDir, 'node'))).toHaveLength(1);
    for (const each of both) {
      process.kill(each.pid, 'SIGINT');
      expect(await each.ended).toBe(3);
      expect(each.output()).toContain('stopped by SIGINT');
    }
  }, 200_000);

  it('is used from the cache, and ends when the process that a user sees is killed', async () => {
    const cached = start();
    const [, pid] = await cached.prints(/running on v24\.\S+ as (\d+)/);
    expect(cached.output()).not.toContain('fetching');
    process.kill(cached.pid, 'SIGKILL');
    await waitUntil(() => !isAlive(Number(pid)), { timeoutMs: 10_000, what: 'end of the inner process' });
  }, 60_000);
});
