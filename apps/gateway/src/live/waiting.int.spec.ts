import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration, failGeneration } from '../../test/play-worker.js';

const json = { prompt: 'a lighthouse' };

describe('Prefer: wait', () => {
  let nats: TestNats;
  let gateways: TestGateway[];

  beforeAll(async () => {
    nats = await startNats();
    const start = () => startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    gateways = await Promise.all([start(), start()]);
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await nats.stop();
  });

  const post = (wait: number, gateway = gateways[0]!, headers: Record<string, string> = {}) =>
    gateway.send('/v1/generations', { json, headers: { prefer: `wait=${wait}`, ...headers } });

  /** The next generation that is asked for, as a worker finds it: in the log. */
  async function nextRequested(gateway = gateways[0]!): Promise<string> {
    const { reader } = gateway.log;
    const stop = new AbortController();
    const { last } = await reader.identify();
    for await (const [event] of reader.read(last, { signal: stop.signal })) {
      stop.abort();
      if (event) return event.generationId;
    }
    throw new Error('The log ended');
  }

  it('answers 200 as soon as the generation is completed, whichever gateway is asked', async () => {
    for (const gateway of gateways) {
      const next = nextRequested(gateways[0]);
      await gateways[0]!.log.check();
      const answer = post(30, gateway);
      await completeGeneration(gateways[1]!, await next, Buffer.from('x'));
      const { status, headers, json: generation } = await answer;
      expect(status).toBe(200);
      expect(headers.get('preference-applied')).toBe('wait=30');
      expect(generation).toMatchObject({ status: 'completed', images: [{ bytes: 1 }] });
      expect(headers.get('location')).toBe(`/v1/generations/${generation.id}`);
    }
  });

  it('answers 200 for one that failed, and 202 for one that did not end in time', async () => {
    const next = nextRequested();
    const answer = post(30);
    await failGeneration(gateways[0]!, await next);
    expect(await answer).toMatchObject({ status: 200, json: { status: 'failed', error: { code: 'content_refused' } } });

    const late = await post(1);
    expect(late).toMatchObject({ status: 202, json: { status: 'queued' } });
    expect(late.headers.get('preference-applied')).toBe('wait=1');
  });

  it('goes with an idempotency key: many wait for one generation, and none for one that has ended', async () => {
    const next = nextRequested();
    const key = { 'idempotency-key': 'k-wait' };
    const answers = [0, 1, 0, 1].map((index) => post(30, gateways[index], key));
    await completeGeneration(gateways[0]!, await next, Buffer.from('x'));
    const ended = await Promise.all(answers);
    expect(new Set(ended.map(({ status, json: { id, status: state } }) => `${status} ${id} ${state}`)).size).toBe(1);
    expect(await post(30, gateways[0], key)).toMatchObject({ status: 200, json: { status: 'completed' } });
  });

  it('ends when the client hangs up, and the request stays accepted', async () => {
    const gateway = gateways[0]!;
    const next = nextRequested();
    const hangUp = new AbortController();
    const answer = gateway
      .send('/v1/generations', { json, headers: { prefer: 'wait=60' }, signal: hangUp.signal })
      .catch((error: Error) => error.name);
    const id = await next;
    hangUp.abort();
    expect(await answer).toBe('AbortError');
    expect((await gateway.send(`/v1/generations/${id}`)).status).toBe(200);
    const counted = 'darkroom_http_request_duration_seconds_count{route="/v1/generations",method="POST",code="499"} 1';
    await eventually(async () => (await gateway.send('/metrics')).bytes.toString().includes(counted));
  });

  it('ends at once, with 202, when the gateway shuts down', async () => {
    const gateway = await startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    await gateway.ready();
    const next = nextRequested();
    const answer = post(60, gateway);
    await next;
    const begun = performance.now();
    await gateway.close();
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(await answer).toMatchObject({ status: 202, json: { status: 'queued' } });
  });

  it('outlives a restart of NATS', async () => {
    const gateway = gateways[0]!;
    const next = nextRequested();
    const answer = post(60, gateway);
    const id = await next;
    await nats.kill9();
    await nats.restart();
    await eventually(async () => (await gateway.send('/health/ready')).status === 200);
    await completeGeneration(gateway, id, Buffer.from('x'));
    expect(await answer).toMatchObject({ status: 200, json: { id, status: 'completed' } });
  });
});
