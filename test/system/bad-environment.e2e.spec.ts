import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats } from '../support/nats.js';
import { AppProcess, assertBuilt, type AppName } from './app-process.js';

const SERVERS = { NATS_URL: 'nats://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/none' };
const LOGIN = { AUTH_JWT_SECRET: 'a secret of the tests, 32 bytes!' };

const cases: { app: AppName; what: string; env: Record<string, string>; named: string[] }[] = [
  {
    app: 'gateway',
    what: 'bad and missing values',
    env: { ...LOGIN, NATS_URL: 'http://x', PORT: 'eighty', LOG_LEVEL: 'loud', NATS_REPLICAS: '2' },
    named: ['DATABASE_URL', 'LOG_LEVEL', 'NATS_REPLICAS', 'NATS_URL', 'PORT'],
  },
  { app: 'gateway', what: 'no way to log in', env: SERVERS, named: ['AUTH_JWT_SECRET'] },
  {
    app: 'gateway',
    what: 'no way to log in, and a bad value',
    env: { ...SERVERS, PORT: '70000' },
    named: ['AUTH_JWT_SECRET', 'PORT'],
  },
  {
    app: 'worker',
    what: 'bad and missing values',
    env: { REPLICATE_API_TOKEN: 'x', WORKER_ROLES: 'paint', GENERATION_TIMEOUT: '1s', ALLOW_PRIVATE_URLS: 'maybe' },
    named: ['ALLOW_PRIVATE_URLS', 'DATABASE_URL', 'GENERATION_TIMEOUT', 'NATS_URL', 'WORKER_ROLES'],
  },
  { app: 'worker', what: 'no token for the provider', env: SERVERS, named: ['REPLICATE_API_TOKEN'] },
  {
    app: 'worker',
    what: 'no token for the provider, and a bad value',
    env: { ...SERVERS, WORKER_PORT: '-1' },
    named: ['REPLICATE_API_TOKEN', 'WORKER_PORT'],
  },
  {
    app: 'simulator',
    what: 'bad values',
    env: { SIMULATOR_PORT: 'x', SIMULATOR_RUN_MS: '-1', SIMULATOR_WEBHOOK_SECRET: 'short' },
    named: ['SIMULATOR_PORT', 'SIMULATOR_RUN_MS', 'SIMULATOR_WEBHOOK_SECRET'],
  },
];

describe('a bad environment', () => {
  let folder: string;

  beforeAll(async () => {
    assertBuilt();
    folder = await mkdtemp(join(tmpdir(), 'darkroom-environment-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(cases)('$app: $what: one line for each on stderr, and the end', async ({ app, env, named }) => {
    const process = new AppProcess({ app, env, port: 0, readyPath: '/', folder });
    const { code } = await process.runToEnd();
    const lines = process.stderr.trimEnd().split('\n');
    const names = lines.map((line) => /^Bad configuration: ([A-Z_]+)(?: is not set)?: \S.*$/.exec(line)?.[1] ?? line);
    expect(names.sort()).toEqual(named);
    expect([code, process.stdout]).toEqual([1, '']);
  });

  it.each([
    { app: 'gateway', variable: 'PORT' },
    { app: 'worker', variable: 'WORKER_PORT' },
  ] as const)('$app: a port that is taken: one line, and the end', async ({ app, variable }) => {
    const nats = await startNats();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const { port } = taken.address() as AddressInfo;
      const addresses = { ...SERVERS, NATS_URL: nats.url, HOST: '127.0.0.1', [variable]: String(port) };
      const env = { ...LOGIN, ...addresses, REPLICATE_API_TOKEN: 'x', LOG_LEVEL: 'silent' };
      const process = new AppProcess({ app, env, port, readyPath: '/', folder });
      const { code } = await process.runToEnd();
      expect({ code, stderr: process.stderr.trimEnd() }).toEqual({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`^The ${app} cannot .*EADDRINUSE.*:${port}$`)),
      });
    } finally {
      taken.close();
      await nats.stop();
    }
  });
});
