import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicateProvider, verifyReplicateWebhook } from '@darkroom/provider';
import { type RunningSimulator, startSimulator } from '../src/start.js';
import { type Delivery, type Receiver, startReceiver } from './receiver.js';

let simulator: RunningSimulator;
let provider: ReplicateProvider;
let receiver: Receiver;

beforeAll(async () => {
  simulator = await startSimulator({ runMs: 40, webhookRetryMs: 5 });
  provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'r8_test' });
  receiver = await startReceiver();
});
afterAll(async () => {
  await simulator.close();
  receiver.close();
});
afterEach(() => {
  simulator.control.reset();
  receiver.deliveries.length = 0;
  receiver.answers.length = 0;
});

const create = () =>
  provider.create({
    model: 'black-forest-labs/flux-schnell',
    version: null,
    input: { prompt: 'a tower', megapixels: '0.25' },
    cancelAfterSeconds: 60,
    webhook: `${receiver.url}/hooks?generation=42&attempt=1`,
  });

const verify = ({ headers, body }: Delivery) =>
  verifyReplicateWebhook(headers, body, simulator.webhookSecret, new Date());

describe('webhooks', () => {
  it('tell of the start and the end, signed, with the query of their URL', async () => {
    const { id } = await create();
    const [start, completed] = await receiver.received(2);
    expect(start?.url).toBe('/hooks?generation=42&attempt=1');
    expect([start, completed].map((delivery) => delivery && verify(delivery))).toMatchObject([
      { id, status: 'processing', outputs: [] },
      { id, status: 'succeeded', outputs: [expect.stringContaining('/out-0.webp')] },
    ]);
  });

  it('have the secret that the API tells', async () => {
    const response = await fetch(`${simulator.url}/v1/webhooks/default/secret`, {
      headers: { authorization: 'Bearer r8_test' },
    });
    expect(await response.json()).toEqual({ key: simulator.webhookSecret });
  });

  it('of the end are repeated, with the same id, until they are taken; redirects do not count', async () => {
    receiver.answers.push(500, 307, 503, 200);
    await create();
    const all = await receiver.received(4);
    const [start, ...completed] = all;
    expect(start && verify(start)).toMatchObject({ status: 'processing' });
    expect(completed.map(verify)).toMatchObject([
      { status: 'succeeded' },
      { status: 'succeeded' },
      { status: 'succeeded' },
    ]);
    expect(new Set(completed.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(completed.map(({ url }) => url))).toEqual(new Set(['/hooks?generation=42&attempt=1']));
  });

  it('tell of the growing log when asked to, at most twice a second', async () => {
    simulator.control.fault({ kind: 'run_time', ms: 2_000 });
    const create = await fetch(`${simulator.url}/v1/models/black-forest-labs/flux-schnell/predictions`, {
      method: 'POST',
      headers: { authorization: 'Bearer r8_test', 'content-type': 'application/json' },
      body: JSON.stringify({
        input: { prompt: 'a tower', megapixels: '0.25' },
        webhook: receiver.url,
        webhook_events_filter: ['logs', 'completed'],
      }),
    });
    expect(create.status).toBe(201);
    const all = await receiver.received(4);
    const percents = all.map(verify).map(({ logs }) => logs.trimEnd().split('\n').at(-1)?.split('|')[0]);
    // 400 ms a line: every other one comes within 500 ms of the one before.
    expect(percents).toEqual(['  0%', ' 50%', '100%', '100%']);
  });

  it('are lost when that is scripted', async () => {
    simulator.control.fault({ kind: 'webhook_lost' });
    const [lost, next] = [await create(), await create()];
    const all = await receiver.received(2);
    expect(all.map(verify).map(({ id }) => id)).toEqual([next.id, next.id]);
    expect(await provider.get(lost.id)).toMatchObject({ status: 'succeeded' });
  });

  it('are not sent of an aborted prediction', async () => {
    simulator.control.fault({ kind: 'run_aborted' });
    const aborted = await create();
    const next = await create();
    const all = await receiver.received(2);
    expect(all.map(verify).map(({ id }) => id)).toEqual([next.id, next.id]);
    expect(await provider.get(aborted.id)).toMatchObject({ status: 'aborted' });
  });
});
