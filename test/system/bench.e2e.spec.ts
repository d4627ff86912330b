import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startNats, type TestNats } from '../support/nats.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { assertBuilt } from './app-process.js';

const main = resolve(import.meta.dirname, '../../dist/bench/src/main.js');

/** That the benchmarks still run, and measure something. How fast it is says nothing here. */
describe('npm run bench', () => {
  let nats: TestNats;
  let database: TestDatabase;
  let folder: string;

  beforeAll(async () => {
    assertBuilt();
    [nats, database] = await Promise.all([startNats(), createTestDatabase()]);
    folder = await mkdtemp(join(tmpdir(), 'darkroom-bench-'));
  });
  afterAll(async () => {
    await Promise.all([nats.stop(), database.drop()]);
    await rm(folder, { recursive: true, force: true });
  });

  const bench = (...args: string[]) => {
    const servers = [`--nats=${nats.url}`, `--postgres=${database.url}`, `--folder=${folder}`];
    return promisify(execFile)(process.execPath, [main, ...servers, ...args], { timeout: 120_000 });
  };

  it('fills every row of its table with numbers', async () => {
    const { stdout } = await bench('--smoke');
    const rows = stdout
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()));
    const text = rows.map(([, what]) => what).join('\n');
    for (const subject of [
      'Requests accepted',
      'Append',
      'Load',
      'AttemptStarted',
      'Generations',
      'Images downloaded',
      'in flight',
      'scheduled',
      'memory',
      'Events',
    ]) {
      expect(text).toContain(subject);
    }
    for (const [, what, value, limit, ratio] of rows) {
      expect([what, numberOf(value)]).toEqual([what, expect.any(Number)]);
      if (limit !== '–')
        expect([what, numberOf(limit), numberOf(ratio)]).toEqual([what, expect.any(Number), expect.any(Number)]);
    }
  }, 150_000);

  it('names what there is when asked for something else', async () => {
    await expect(bench('speed')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('accept, ') });
  });
});

/** Null for anything but a number above 0. */
function numberOf(cell: string | undefined): number | null {
  const number = Number.parseFloat((cell ?? '').replaceAll(',', ''));
  return Number.isFinite(number) && number > 0 ? number : null;
}
