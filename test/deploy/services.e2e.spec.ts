import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GenerationView } from '@darkroom/domain';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { Deployment } from './deployment.js';
import { findProgram, PROMETHEUS } from './programs.js';

const { path: program, why } = await findProgram(PROMETHEUS);
const hasWget = spawnSync('wget', ['--version']).status === 0;
/** The health checks of images that are not ours use the wget in them. */
const withWget = hasWget ? it : it.skip;
const noWget = hasWget ? '' : ' (there is no wget here)';

describe('the services of docker-compose.yml, outside of containers', () => {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await Deployment.make({
      'nats-server': process.env.NATS_SERVER_BIN,
    });
    deployment.start('nats');
    for (const app of ['simulator', 'worker', 'gateway']) expect(deployment.healthy(app)).toBe(false);
    for (const app of ['simulator', 'worker', 'gateway']) deployment.start(app);
  }, 60_000);
  afterAll(() => deployment?.remove());

  const becomesHealthy = (name: string) =>
    eventually(() => deployment.healthy(name), { timeoutMs: 30_000, what: `${name} to be healthy` }).catch(
      (error: unknown) => {
        throw new Error(deployment.report(), { cause: error });
      },
    );

  it.each(['simulator', 'worker', 'gateway'])('starts %s, which then is healthy', becomesHealthy, 40_000);

  withWget(`starts nats, which then is healthy${noWget}`, () => becomesHealthy('nats'), 40_000);

  it('runs JetStream as deploy/nats/nats-server.conf says', async () => {
    const response = await fetch(`${deployment.url('nats:8222')}/jsz?config=true`);
    const { config } = (await response.json()) as { config: { store_dir: string } };
    expect(config).toMatchObject({ sync_always: true, max_storage: 20 * 1024 ** 3 });
    expect(config.store_dir).toContain(deployment.volume('log'));
  });

  it('makes the first image, and keeps it in the volume that gateway and worker share', async () => {
    const authorization = `Bearer ${deployment.env.ADMIN_API_KEY}`;
    const gateway = deployment.url('gateway:3000');
    const generation = await eventually(async () => {
      const response = await fetch(`${gateway}/v1/generations`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', prefer: 'wait=30', 'idempotency-key': 'first' },
        body: JSON.stringify({ prompt: 'a lighthouse at dusk' }),
      });
      return response.status === 200 ? ((await response.json()) as GenerationView) : null;
    });
    expect(generation.status).toBe('completed');

    const { url, bytes } = generation.images[0]!;
    // PUBLIC_URL is where clients outside find the gateway.
    expect(url).toMatch(/^http:\/\/localhost:3000\/v1\/images\//);
    const content = await fetch(gateway + new URL(url).pathname, { headers: { authorization } });
    expect((await content.arrayBuffer()).byteLength).toBe(bytes);
    const files = readdirSync(deployment.volume('images'), { recursive: true, withFileTypes: true });
    // The image, and its thumbnails of 256 and 512 pixels.
    expect(files.filter((file) => file.isFile())).toHaveLength(3);
    expect(existsSync(join(deployment.volume('images'), 'images'))).toBe(true);
  }, 60_000);

  it("runs the operator's commands, and ends", async () => {
    const { ended, said } = deployment.start('cli', 'rebuild');
    expect({ code: await ended, said: said() }).toEqual({ code: 0, said: expect.stringContaining('rebuild   |') });
    const { ended: refused } = deployment.start('cli', 'no-such-command');
    expect(await refused).toBe(2);
  }, 60_000);

  const withPrometheus = program && hasWget ? it : it.skip;
  withPrometheus(
    `starts prometheus, which then is healthy${why}${noWget}`,
    async () => {
      const [, port] = new URL(deployment.url('prometheus:9090')).host.split(':');
      expect(deployment.healthy('prometheus')).toBe(false);
      deployment.startAs('prometheus', program!, `--web.listen-address=127.0.0.1:${port}`);
      await becomesHealthy('prometheus');
    },
    40_000,
  );

  withWget(
    `stays alive without NATS, which is unhealthy then${noWget}`,
    async () => {
      await deployment.stop('nats');
      expect(deployment.healthy('nats')).toBe(false);
      expect(['worker', 'gateway'].map((app) => deployment.healthy(app))).toEqual([true, true]);
      deployment.start('nats');
      await becomesHealthy('nats');
    },
    60_000,
  );

  it('ends when Docker says so, and is unhealthy then', async () => {
    for (const app of ['gateway', 'worker', 'simulator']) {
      expect(await deployment.stop(app)).toBe(0);
      expect(deployment.healthy(app)).toBe(false);
    }
  }, 40_000);
});
