import { bearer, Darkroom, REQUEST } from './darkroom.js';
import { takeSample, type Sample } from './limits/sample.js';
import { post, type LoadResult, type Target } from './load.js';
import type { BenchOptions } from './options.js';
import { freePort, MeasuredProcess } from './processes.js';
import { boundedRow, comparedRow, MEMORY_MB, type Row } from './row.js';
import { addRawStream, freshBroker, freshDatabase } from './servers.js';
import { compare, inTurns } from './statistics.js';

const SHARE_OF_BARE = 0.6;

/** POST /v1/generations on a gateway, beside the same traffic on a bare handler. No worker runs. */
export async function accept(options: BenchOptions): Promise<Row[]> {
  const { natsUrl, databaseUrl, size } = options;
  const broker = await freshBroker(natsUrl);
  const database = await freshDatabase(databaseUrl);
  const processes: MeasuredProcess[] = [];
  try {
    await addRawStream(broker);
    const gateway = await new Darkroom(options, database.url).gateway();
    processes.push(gateway);
    const ours: Target = {
      url: `${gateway.url}/v1/generations`,
      body: REQUEST,
      headers: { authorization: await bearer('bench') },
    };
    const bare = await startBare(options, await takeSample(broker, await requestOne(ours)));
    processes.push(bare);
    const limit: Target = { ...ours, url: `${bare.url}/v1/generations` };

    const round = (target: Target) => () => post(target, size.roundSeconds);
    await round(ours)();
    await round(limit)();
    const plain = await inTurns(size.rounds, round(ours), round(limit));
    const keyed = await inTurns(Math.ceil(size.rounds / 2), round({ ...ours, keys: true }), round(limit));
    const requests = [...plain, ...keyed].reduce((sum, pair) => sum + pair.ours.requests, 0);

    const perSecond = ({ perSecond }: LoadResult): number => perSecond;
    return [
      comparedRow('Requests accepted, 64 connections', '/s', compare(plain, perSecond), SHARE_OF_BARE),
      comparedRow(
        '… time to the answer, p50',
        'ms',
        compare(plain, ({ p50 }) => p50),
      ),
      comparedRow(
        '… time to the answer, p99',
        'ms',
        compare(plain, ({ p99 }) => p99),
      ),
      comparedRow('… with an idempotency key each', '/s', compare(keyed, perSecond)),
      boundedRow(
        `Gateway's memory, idle after ${requests} requests`,
        'MB',
        (await gateway.settledBytes(size.settleSeconds)) / 1e6,
        MEMORY_MB,
      ),
    ];
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
    await broker.close();
    await database.drop();
  }
}

async function requestOne({ url, body, headers }: Target): Promise<{ id: string }> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
  if (response.status !== 202) throw new Error(`The gateway answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { id: string };
}

async function startBare({ natsUrl, folder }: BenchOptions, sample: Sample): Promise<MeasuredProcess> {
  const port = await freePort();
  return MeasuredProcess.start({
    name: 'bare-gateway',
    main: 'bench/src/limits/bare-gateway.js',
    env: { PORT: String(port), NATS_URL: natsUrl, SAMPLE: JSON.stringify(sample) },
    port,
    readyPath: '/ready',
    folder,
  });
}
