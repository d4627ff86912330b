import { JetStreamEventStore } from '@darkroom/events';
import { setTimeout as delay } from 'node:timers/promises';
import { Darkroom } from './darkroom.js';
import { Follower } from './follower.js';
import { rate } from './operations.js';
import type { BenchOptions } from './options.js';
import type { MeasuredProcess } from './processes.js';
import { atLeastRow, boundedRow, type Row } from './row.js';
import { freshBroker } from './servers.js';
import { percentile } from './statistics.js';
import { requested } from './story.js';

const PEAK_MB = 400;
const NOTICED_P99_MS = 1_500;
/** Replicate's own limit, of everything but creates; the worker is left with it. */
const CALLS_PER_MINUTE = 3_000;

/** In which calls are counted. Milliseconds. */
const WINDOW_MS = 5_000;

const CONCURRENCY = 64;
const PATIENCE_MS = 180_000;

/** What a simulator tells of a prediction. */
interface Prediction {
  readonly created_at: string;
  readonly completed_at: string;
  readonly input: { readonly seed: number };
}

/** Very many predictions that run at once, waited for by one worker without webhooks. */
export async function flight(options: BenchOptions): Promise<Row[]> {
  const { natsUrl, databaseUrl, size } = options;
  const runMs = size.runSeconds * 1_000;
  const broker = await freshBroker(natsUrl);
  const follower = await Follower.start(broker);
  const processes: MeasuredProcess[] = [];
  const counting = new AbortController();
  try {
    const darkroom = new Darkroom(options, databaseUrl);
    const simulator = await darkroom.simulator(runMs);
    processes.unshift(simulator);
    const worker = await darkroom.worker(simulator, {
      // Images are not fetched: the simulator would draw all of them at once, on the same machine.
      WORKER_ROLES: 'dispatch,generate',
      GENERATE_CONCURRENCY: '2500',
      REPLICATE_CALLS_PER_MINUTE: String(CALLS_PER_MINUTE),
    });
    processes.unshift(worker);
    const calls = countCalls(simulator, counting.signal);

    const ids = await request(new JetStreamEventStore(broker), size.inFlight);
    await follower.until('Generated', size.inFlight, runMs + PATIENCE_MS);
    counting.abort();
    const predictions = await answer<Prediction[]>(simulator, '/control/predictions');
    if (predictions.length !== ids.length) throw new Error(`${predictions.length} predictions of ${ids.length}`);
    const noticed = predictions.map(
      ({ completed_at, input }) => follower.timeOf('Generated', ids[input.seed]!) - Date.parse(completed_at),
    );
    return [
      atLeastRow(
        `Predictions of ${size.runSeconds} s in flight at once in one worker`,
        '',
        mostAtOnce(predictions),
        size.inFlight,
      ),
      boundedRow("… the worker's memory, at most", 'MB', worker.peakBytes() / 1e6, PEAK_MB),
      boundedRow('… from the end of one to Generated, p50', 'ms', percentile(noticed, 0.5), null),
      boundedRow('… p99', 'ms', percentile(noticed, 0.99), NOTICED_P99_MS),
      boundedRow(
        '… calls by the minute in any 5 s, creates aside',
        '/min',
        mostByTheMinute(await calls),
        CALLS_PER_MINUTE,
      ),
    ];
  } finally {
    counting.abort();
    await follower.stop();
    for (const each of processes) await each.stop();
    await broker.close();
  }
}

/** Generations whose seed is their place in the answer. */
async function request(store: JetStreamEventStore, count: number): Promise<string[]> {
  const { provider_input } = requested().data as { provider_input: object };
  const events = Array.from({ length: count }, (_, seed) => requested({ provider_input: { ...provider_input, seed } }));
  let next = 0;
  await rate(count, CONCURRENCY, () => store.append(events[next++]!, 0));
  return events.map(({ generationId }) => generationId);
}

interface Counted {
  readonly at: number;
  readonly calls: number;
}

/** Calls up to then, twice a second. */
async function countCalls(simulator: MeasuredProcess, signal: AbortSignal): Promise<Counted[]> {
  const counted: Counted[] = [];
  for (; ; await delay(500)) {
    const { gets, lists, cancels } = await answer<Record<'gets' | 'lists' | 'cancels', number>>(
      simulator,
      '/control/counters',
    );
    counted.push({ at: performance.now(), calls: gets + lists + cancels });
    if (signal.aborted) return counted;
  }
}

/** A run may last less than a minute. */
function mostByTheMinute(counted: readonly Counted[]): number {
  const since = (end: Counted): Counted => counted.find(({ at }) => end.at - at <= WINDOW_MS)!;
  return Math.max(...counted.map((end) => end.calls - since(end).calls)) * (60_000 / WINDOW_MS);
}

function mostAtOnce(predictions: readonly Prediction[]): number {
  const changes = predictions.flatMap(({ created_at, completed_at }) => [
    { at: created_at, by: 1 },
    { at: completed_at, by: -1 },
  ]);
  let now = 0;
  return Math.max(
    ...changes.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.by - b.by)).map(({ by }) => (now += by)),
  );
}

async function answer<T>({ url }: MeasuredProcess, path: string): Promise<T> {
  const response = await fetch(url + path);
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return (await response.json()) as T;
}
