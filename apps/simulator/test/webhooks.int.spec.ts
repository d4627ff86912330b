import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicateProvider, verifyReplicateWebhook } from '@darkroom/provider';
import { type RunningSimulator, startSimulator } from '../src/start.js';
import { eventually } from './eventually.js';

interface Delivery {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let simulator: RunningSimulator;
let provider: ReplicateProvider;
let receiver: Server;
let receiverUrl: string;
let deliveries: Delivery[] = [];
let answers: number[] = [];

beforeAll(async () => {
  simulator = await startSimulator({ runMs: 40, webhookRetryMs: 5 });
  provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'r8_test' });
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      deliveries.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answers.shift() ?? 200, { location: '/elsewhere' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = receiver.address();
  receiverUrl = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
});
afterAll(async () => {
  await simulator.close();
  receiver.closeAllConnections();
  receiver.close();
});
afterEach(() => {
  simulator.control.reset();
  deliveries = [];
  answers = [];
});

const create = () =>
  provider.create({
    model: 'black-forest-labs/flux-schnell',
    version: null,
    input: { prompt: 'a tower', megapixels: '0.25' },
    cancelAfterSeconds: 60,
    webhook: `${receiverUrl}/hooks?generation=42&attempt=1`,
  });

const verify = ({ headers, body }: Delivery) =>
  verifyReplicateWebhook(headers, body, simulator.webhookSecret, new Date());

const received = (count: number) =>
  eventually(
    () => deliveries,
    (all) => all.length >= count,
  );

describe('webhooks', () => {
  it('tell of the start and the end, signed, with the query of their URL', async () => {
    const { id } = await create();
    const [start, completed] = await received(2);
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
    answers = [500, 307, 503, 200];
    await create();
    const all = await received(4);
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

  it('are not sent of an aborted prediction', async () => {
    simulator.control.fault({ kind: 'run_aborted' });
    const aborted = await create();
    const next = await create();
    const all = await received(2);
    expect(all.map(verify).map(({ id }) => id)).toEqual([next.id, next.id]);
    expect(await provider.get(aborted.id)).toMatchObject({ status: 'aborted' });
  });
});
