import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock } from './lock.mjs';
import { stopLeftoverPostgres } from './postgres-server.mjs';
import { isAlive } from './process.mjs';
import { endLeftovers, recordProcess } from './run-records.mjs';

let dataDir: string;
let bystander: ChildProcess;
const pid = () => bystander.pid ?? 0;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'darkroom-run-'));
  bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
});
afterEach(async () => {
  bystander.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

describe('endLeftovers', () => {
  it('ends a process on record, and forgets it', async () => {
    recordProcess(dataDir, { name: 'worker', pid: pid(), order: 1 });
    expect(await endLeftovers(dataDir)).toEqual([{ name: 'worker', pid: pid() }]);
    expect(isAlive(pid())).toBe(false);
    expect(await readdir(join(dataDir, 'run'))).toEqual([]);
  });

  it('leaves a process alone that was given the same id since', async () => {
    recordProcess(dataDir, { name: 'worker', pid: pid(), order: 1 });
    const file = join(dataDir, 'run', 'worker.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { identity: string };
    await writeFile(file, JSON.stringify({ ...record, identity: `${record.identity}0` }));
    expect(await endLeftovers(dataDir)).toEqual([]);
    expect(isAlive(pid())).toBe(true);
  });

  it('is not stopped by a record that is damaged', async () => {
    recordProcess(dataDir, { name: 'worker', pid: pid(), order: 1 });
    await writeFile(join(dataDir, 'run', 'nats.json'), '{ "pid": 1');
    expect(await endLeftovers(dataDir)).toHaveLength(1);
  });
});

describe('stopLeftoverPostgres', () => {
  it('leaves a stranger alone whose id stands in an old postmaster.pid', async () => {
    await writeFile(join(dataDir, 'postmaster.pid'), `${pid()}\n${dataDir}\n`);
    expect(await stopLeftoverPostgres(dataDir)).toBeUndefined();
    expect(isAlive(pid())).toBe(true);
  });
});

describe('tryLock', () => {
  const file = () => join(dataDir, 'a.lock');

  it('is held by one, and free again after its release', () => {
    const first = tryLock(file());
    expect(tryLock(file())).toEqual({ heldBy: process.pid });
    if ('release' in first) first.release();
    expect(tryLock(file())).toHaveProperty('release');
  });

  it.each([
    ['that is no more', { pid: 2 ** 22 + 1, identity: 'x/1' }],
    ['whose id is another process by now', { pid: process.ppid, identity: 'x/1' }],
  ])('is taken from a holder %s', async (_, holder) => {
    await writeFile(file(), JSON.stringify(holder));
    expect(tryLock(file())).toHaveProperty('release');
    expect(await readdir(dataDir)).toEqual(['a.lock']);
  });
});
