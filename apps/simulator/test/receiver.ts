import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './eventually.js';

export interface Delivery {
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  /** What has come, oldest first. */
  readonly deliveries: Delivery[];
  /** Statuses to answer next; 200 when there is none. */
  readonly answers: number[];
  /** Waits until `count` have come, and gives all. */
  received(count: number): Promise<readonly Delivery[]>;
  close(): void;
}

/** A server that takes webhooks. */
export async function startReceiver(): Promise<Receiver> {
  const deliveries: Delivery[] = [];
  const answers: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      deliveries.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answers.shift() ?? 200, { location: '/elsewhere' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deliveries,
    answers,
    received: (count) =>
      eventually(
        () => deliveries,
        (all) => all.length >= count,
      ),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
