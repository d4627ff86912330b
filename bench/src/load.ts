import autocannon from 'autocannon';
import { randomUUID } from 'node:crypto';

/** Connections that send one request after the other. */
const CONNECTIONS = 64;

/** What a round of requests came to. */
export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

export interface Target {
  /** Of the route. */
  readonly url: string;
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
  /** Gives every request an idempotency key of its own. */
  readonly keys?: boolean;
}

/** Posts as fast as it is answered. @throws Error when any answer is not 202 */
export async function post({ url, body, headers, keys = false }: Target, seconds: number): Promise<LoadResult> {
  const result = await autocannon({
    url,
    method: 'POST',
    connections: CONNECTIONS,
    duration: seconds,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
    ...(keys && {
      requests: [
        {
          setupRequest: (request) => ({ ...request, headers: { ...request.headers, 'idempotency-key': randomUUID() } }),
        },
      ],
    }),
  });
  const accepted = result.statusCodeStats?.['202']?.count ?? 0;
  // The last request of each connection is on its way when the time is over.
  if (accepted === 0 || result.non2xx > 0 || result.errors > 0 || accepted < result['2xx']) {
    throw new Error(
      `${url} did not accept everything: ${JSON.stringify(result.statusCodeStats)}, ${result.errors} errors`,
    );
  }
  return {
    perSecond: accepted / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    requests: accepted,
  };
}
