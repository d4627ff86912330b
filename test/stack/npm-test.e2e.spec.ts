import { describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { waitUntil } from '../support/servers.mjs';
import { launch } from './launch.js';

const projectRoot = resolve(import.meta.dirname, '../..');
const config = join(import.meta.dirname, 'fixtures', 'suites', 'jest.config.mjs');

/** `npm test` as a developer runs it, with a server of its own rather than the one of this run. */
function runTests(...suites: string[]) {
  const env: NodeJS.ProcessEnv = { ...process.env, REPLICATE_API_TOKEN: 'r8_a_real_one' };
  delete env.TEST_DATABASE_URL;
  return launch(process.execPath, ['scripts/test.mjs', '--config', config, ...suites], { cwd: projectRoot, env });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => socket.destroy()).once('error', () => answer(false));
    socket.once('close', () => answer(true));
  });
}

describe('npm test', () => {
  it('ends with a count in which a suite that could not run is a failure', async () => {
    const run = runTests('mixed', 'broken');
    expect(await run.ended).toBe(1);
    expect(run.output().trimEnd().split('\n').at(-1)).toBe('1 passed, 2 failed');
  }, 120_000);

  it('succeeds when nothing failed', async () => {
    const run = runTests('mixed', '-t', 'finds the servers');
    expect(await run.ended).toBe(0);
    expect(run.output().trimEnd().split('\n').at(-1)).toBe('1 passed, 0 failed');
  }, 120_000);

  it('leaves no server behind on Ctrl-C', async () => {
    const run = runTests('endless');
    const [, port] = await run.prints(/endless on postgres:\/\/postgres@127\.0\.0\.1:(\d+)/, 120_000);
    process.kill(-run.pid, 'SIGINT');
    expect(await run.ended).toBe(1);
    expect(await takesConnections(Number(port))).toBe(false);
  }, 180_000);

  it('leaves no server behind when it is killed', async () => {
    const run = runTests('endless');
    const [, port] = await run.prints(/endless on postgres:\/\/postgres@127\.0\.0\.1:(\d+)/, 120_000);
    process.kill(-run.pid, 'SIGKILL');
    await waitUntil(async () => !(await takesConnections(Number(port))), {
      timeoutMs: 10_000,
      what: 'end of its server',
    });
  }, 180_000);
});
