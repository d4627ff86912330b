import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NATS_REFUSAL, serverThatSays } from '../../../../test/support/server-that-says.js';
import { parseMetrics } from '../../../../test/system/metrics-text.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';

const up = async (gateway: TestGateway) => {
  const samples = parseMetrics((await gateway.send('/metrics', { user: null })).bytes.toString());
  const value = (dependency: string) => samples.value('darkroom_dependency_up', { dependency });
  return { nats: value('nats'), postgres: value('postgres'), storage: value('storage') };
};

describe('health and metrics of a gateway', () => {
  let nats: TestNats;
  let gateway: TestGateway;
  beforeAll(async () => {
    nats = await startNats();
    gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway.close();
    await nats.stop();
  });

  it('say the same of what it depends on', async () => {
    const details = { nats: { status: 'up' }, postgres: { status: 'degraded' }, storage: { status: 'up' } };
    expect(await gateway.send('/health/ready')).toMatchObject({ status: 200, json: { status: 'degraded', details } });
    expect(await up(gateway)).toEqual({ nats: 1, postgres: 0, storage: 1 });
  });

  it('get no labels from clients: not from methods, paths, codes or models', async () => {
    const odd = request(`${gateway.url}/v1/odd-path`, { method: 'PROPFIND' }).end();
    const [answer] = (await once(odd, 'response')) as [IncomingMessage];
    answer.resume();
    await once(answer, 'end');
    expect((await gateway.send('/v1/odd-path')).status).toBe(404);
    const json = { prompt: 'x', model_id: 'odd/model' };
    expect((await gateway.send('/v1/generations', { json })).status).toBe(422);

    const text = (await gateway.send('/metrics')).bytes.toString();
    expect(text).not.toMatch(/odd|PROPFIND/);
    const count = (labels: Record<string, string>) =>
      parseMetrics(text).value('darkroom_http_request_duration_seconds_count', labels);
    expect(count({ route: 'none', method: 'other', code: '404' })).toBe(1);
    expect(count({ route: 'none', method: 'GET', code: '404' })).toBe(1);
    expect(count({ route: '/v1/generations', method: 'POST', code: '422' })).toBe(1);
  });

  it.each([
    ['refuses the credentials', NATS_REFUSAL],
    ['says nothing', ''],
  ])('are there when NATS %s, and say so', async (_what, words) => {
    const server = await serverThatSays(words);
    const other = await startGateway({ NATS_URL: `nats://${server.address}`, DATABASE_URL: NO_POSTGRES });
    try {
      expect((await other.send('/health/live')).status).toBe(200);
      const details = { nats: { status: 'down' }, postgres: { status: 'degraded' }, storage: { status: 'up' } };
      expect(await other.send('/health/ready')).toMatchObject({ status: 503, json: { status: 'error', details } });
      expect(await up(other)).toEqual({ nats: 0, postgres: 0, storage: 1 });
    } finally {
      const began = performance.now();
      await other.close();
      expect(performance.now() - began).toBeLessThan(1_500);
      server.close();
    }
  });
});
