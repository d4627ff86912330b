import type { Broker } from '@darkroom/events';
import { setTimeout as delay } from 'node:timers/promises';
import { bearer, Darkroom, REQUEST } from './darkroom.js';
import { Follower } from './follower.js';
import { measureHops, rawAppend } from './limits/hops.js';
import { rate } from './operations.js';
import type { BenchOptions } from './options.js';
import type { MeasuredProcess } from './processes.js';
import { boundedRow, MEMORY_MB, type Row } from './row.js';
import { addRawStream, freshBroker, freshDatabase } from './servers.js';
import { percentile } from './statistics.js';
import { EVENTS_OF_A_GENERATION } from './story.js';

/** Requests per second while the way to the worker is timed. */
const PACE = 20;
const P50_MS = 10;
const P99_MS = 50;

/** Requests under way at once when generations are counted, and appends when the limit is. */
const CONCURRENCY = 64;

/** Durable writes of one generation: its events, two items of work, and the claim of its prediction. */
const WRITES_OF_A_GENERATION = EVENTS_OF_A_GENERATION + 3;

/** How long a prediction runs at the simulator. Milliseconds. */
const RUN_MS = 20;

/** The whole product with the simulator: how soon work begins, and how many generations a second it completes. */
export async function generations(options: BenchOptions): Promise<Row[]> {
  const { natsUrl, size } = options;
  const broker = await freshBroker(natsUrl);
  try {
    const { idle, waits, perSecond, after } = await measure(broker, options);
    await addRawStream(broker);
    const rawWaits = await measureHops(broker, size.paced, PACE);
    const rawPerSecond = (await rate(size.operations, CONCURRENCY, rawAppend(broker))) / WRITES_OF_A_GENERATION;

    const ended = size.paced + size.generations;
    const wait = (name: string, share: number, atMost: number) =>
      boundedRow(name, 'ms', percentile(waits, share), atMost, percentile(rawWaits, share));
    return [
      wait(`Accepted to AttemptStarted at ${PACE} requests/s, p50`, 0.5, P50_MS),
      wait('… p99', 0.99, P99_MS),
      boundedRow(
        `Generations from request to stored image, ${CONCURRENCY} requests at once`,
        '/s',
        perSecond,
        null,
        rawPerSecond,
      ),
      boundedRow("Gateway's memory, idle after the start", 'MB', idle.gateway, MEMORY_MB),
      boundedRow("Worker's memory, idle after the start", 'MB', idle.worker, MEMORY_MB),
      boundedRow(`Worker's memory, idle after ${ended} generations`, 'MB', after, MEMORY_MB),
    ];
  } finally {
    await broker.close();
  }
}

interface Measured {
  /** Megabytes. */
  readonly idle: { readonly gateway: number; readonly worker: number };
  /** From accepted to begun. Milliseconds. */
  readonly waits: readonly number[];
  readonly perSecond: number;
  /** Of the worker. Megabytes. */
  readonly after: number;
}

async function measure(broker: Broker, options: BenchOptions): Promise<Measured> {
  const { size } = options;
  const database = await freshDatabase(options.databaseUrl);
  const processes: MeasuredProcess[] = [];
  const start = async (starting: Promise<MeasuredProcess>): Promise<MeasuredProcess> => {
    const started = await starting;
    processes.unshift(started);
    return started;
  };
  const settled = async (each: MeasuredProcess): Promise<number> => (await each.settledBytes(size.settleSeconds)) / 1e6;
  const follower = await Follower.start(broker);
  try {
    const darkroom = new Darkroom(options, database.url);
    const worker = await start(darkroom.worker(await start(darkroom.simulator(RUN_MS))));
    const gateway = await start(darkroom.gateway());
    const idle = { gateway: await settled(gateway), worker: await settled(worker) };
    const request = requester(gateway, await bearer('bench'));

    const sent: Promise<void>[] = [];
    while (sent.length < size.paced) {
      sent.push(request());
      await delay(1_000 / PACE);
    }
    await Promise.all(sent);
    await follower.until('Downloaded', size.paced);
    const waits = follower.waits();

    const began = performance.now();
    await rate(size.generations, CONCURRENCY, request);
    await follower.until('Downloaded', size.paced + size.generations);
    const perSecond = size.generations / ((performance.now() - began) / 1_000);
    return { idle, waits, perSecond, after: await settled(worker) };
  } finally {
    await follower.stop();
    for (const each of processes) await each.stop();
    await database.drop();
  }
}

/** Asks for a generation like no other: the worker looks for predictions of the same input when it is in doubt. */
function requester(gateway: MeasuredProcess, authorization: string): () => Promise<void> {
  let seed = 0;
  return async () => {
    const response = await fetch(`${gateway.url}/v1/generations`, {
      method: 'POST',
      body: JSON.stringify({ ...REQUEST, seed: ++seed }),
      headers: { 'content-type': 'application/json', authorization },
    });
    if (response.status !== 202) throw new Error(`The gateway answered ${response.status}: ${await response.text()}`);
    await response.body?.cancel();
  };
}
