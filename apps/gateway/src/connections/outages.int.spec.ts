import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migrateReadModels } from '@darkroom/read-models';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.js';
import { NO_POSTGRES, startGateway, type Answer, type TestGateway } from '../../test/gateway-fixture.js';
import { lastPosition } from '../../test/play-worker.js';

const json = { prompt: 'a lighthouse' };

function expectUnavailable({ status, json: problem, headers }: Answer): void {
  expect(problem).toMatchObject({ status: 503, code: 'unavailable' });
  expect(status).toBe(503);
  expect(headers.get('retry-after')).toBe('2');
}

/** Milliseconds that it took. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

describe('without NATS', () => {
  let nats: TestNats;
  let gateway: TestGateway;

  beforeEach(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
  });
  afterEach(async () => {
    await gateway.close();
    await nats.stop();
  });

  const post = (headers: Record<string, string> = {}) => gateway.send('/v1/generations', { json, headers });

  it('nothing is accepted and nothing kept; what needs no log goes on; it recovers by itself', async () => {
    const { id } = (await post()).json;
    const before = await lastPosition(gateway);
    await nats.kill9();

    const refusals = [post(), post(), post({ 'idempotency-key': 'k-outage' }), post({ prefer: 'wait=30' })];
    expect(await timed(() => Promise.all(refusals))).toBeLessThan(5_000);
    for (const refused of refusals) expectUnavailable(await refused);
    expectUnavailable(await gateway.send(`/v1/generations/${id}`));
    expectUnavailable(await gateway.send(`/v1/generations/${id}/cancel`, { method: 'POST' }));
    expect(await gateway.send('/health/ready')).toMatchObject({
      status: 503,
      json: { status: 'error', details: { nats: { status: 'down' }, storage: { status: 'up' } } },
    });
    expect((await gateway.send('/health/live')).status).toBe(200);
    expect((await gateway.send('/v1/models')).status).toBe(200);
    expect((await gateway.send('/v1/generations?dry_run=true', { json })).status).toBe(200);

    await nats.restart();
    await gateway.ready();
    expect(await lastPosition(gateway)).toBe(before);
    const kept = await post({ 'idempotency-key': 'k-outage' });
    expect(kept.status).toBe(202);
    expect((await gateway.send(`/v1/generations/${id}`)).status).toBe(200);
    expect(await lastPosition(gateway)).toBe(before + 1);
  });

  it('that hangs, a request is refused within 5 seconds, and its repetition makes one generation', async () => {
    const before = await lastPosition(gateway);
    const [, pid] = /^\[(\d+)\]/.exec(await readFile(join(nats.dir, 'server.log'), 'utf8')) ?? [];
    process.kill(Number(pid), 'SIGSTOP');
    const key = { 'idempotency-key': 'k-hang' };
    try {
      const refusals = [post(), post(key)];
      expect(await timed(() => Promise.all(refusals))).toBeLessThan(5_000);
      for (const refused of refusals) expectUnavailable(await refused);
    } finally {
      process.kill(Number(pid), 'SIGCONT');
    }
    await gateway.ready();
    const kept = await post(key);
    expect(kept.status).toBe(202);
    expect((await post(key)).json.id).toBe(kept.json.id);
    // The first had been sent when the server hung: its client was told that the outcome is not known.
    expect(await lastPosition(gateway)).toBeLessThanOrEqual(before + 2);
  });

  it('at boot, the gateway starts, says that it is not ready, and accepts when NATS comes', async () => {
    const { url } = nats;
    await nats.kill9();
    const early = await startGateway({ NATS_URL: url, DATABASE_URL: NO_POSTGRES });
    try {
      expect(await early.send('/health/ready')).toMatchObject({
        status: 503,
        json: { details: { nats: { status: 'down' } } },
      });
      expectUnavailable(await early.send('/v1/generations', { json }));
      await nats.restart();
      await early.ready();
      expect((await early.send('/v1/generations', { json })).status).toBe(202);
    } finally {
      await early.close();
    }
  });
});

describe('without Postgres', () => {
  let nats: TestNats;
  let postgres: TestPostgres;
  let gateway: TestGateway;

  beforeAll(async () => {
    [nats, postgres] = await Promise.all([startNats(), startPostgres()]);
    await migrateReadModels({ url: postgres.url });
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: postgres.url });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([nats.stop(), postgres.remove()]);
  });

  it('requests are accepted and looked at; lists say that they are away, and come back', async () => {
    expect(await gateway.send('/health/ready')).toMatchObject({ status: 200, json: { status: 'ok' } });
    expect((await gateway.send('/v1/generations')).status).toBe(200);
    await postgres.kill9();

    const accepted = await gateway.send('/v1/generations', { json });
    expect(accepted.status).toBe(202);
    expect((await gateway.send(`/v1/generations/${accepted.json.id}`)).status).toBe(200);
    expectUnavailable(await gateway.send('/v1/generations'));
    expectUnavailable(await gateway.send('/v1/generations?min_position=1'));
    expect(await gateway.send('/health/ready')).toMatchObject({
      status: 200,
      json: { status: 'degraded', details: { nats: { status: 'up' }, postgres: { status: 'degraded' } } },
    });

    await postgres.start();
    await eventually(async () => (await gateway.send('/v1/generations')).status === 200);
    expect(await gateway.send('/health/ready')).toMatchObject({ status: 200, json: { status: 'ok' } });
  });

  it('at boot, the gateway starts and accepts', async () => {
    const early = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    try {
      await early.ready();
      expect((await early.send('/v1/generations', { json })).status).toBe(202);
      expectUnavailable(await early.send('/v1/generations'));
    } finally {
      await early.close();
    }
  });
});
