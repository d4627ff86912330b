import { ALL_SCHEDULES, EVENTS_STREAM, JetStreamEventStore, WORK_STREAM, type Broker } from '@darkroom/events';
import { setTimeout as delay } from 'node:timers/promises';
import { Darkroom } from './darkroom.js';
import { Follower } from './follower.js';
import { measureSchedules } from './limits/raw-schedules.js';
import { rate } from './operations.js';
import type { BenchOptions } from './options.js';
import type { MeasuredProcess } from './processes.js';
import { boundedRow, type Row } from './row.js';
import { addRawStream, freshBroker } from './servers.js';
import { percentile } from './statistics.js';
import { requested } from './story.js';

/** How long it may take from the scheduled time until the last has begun. Seconds. */
const LAST_S = 5;

/** Of each user with a limit: as many as are scheduled. */
const CONCURRENCY_LIMIT = 5;

/** Requests before anything is measured, as they have gone through a process that runs in earnest. */
const WARM_UP = 500;

/** Between two requests that are for now. Milliseconds. */
const PACE_MS = 100;

/** How long they go on at least after the scheduled time. Milliseconds. */
const LEAST_MS = 500;

const CONCURRENCY = 64;

/** Longer than anything here takes: that images are fetched is no part of it. Milliseconds. */
const RUN_MS = 120_000;

/** Of a generation whose prediction runs: GenerationRequested, AttemptStarted, PredictionCreated. */
const EVENTS_OF_EACH = 3;

/** Very many generations scheduled for one second, and others that are asked for meanwhile. */
export async function schedules(options: BenchOptions): Promise<Row[]> {
  return [...(await burst(options, false)), ...(await burst(options, true))];
}

async function burst(options: BenchOptions, limited: boolean): Promise<Row[]> {
  const { natsUrl, size } = options;
  const broker = await freshBroker(natsUrl);
  try {
    await addRawStream(broker);
    const raw = await measureSchedules(broker, size.scheduled, size.scheduledAhead * 1_000);
    const { late, before, meanwhile } = await measure(broker, options, limited);
    const what = `${size.scheduled.toLocaleString('en')} scheduled for one second`;
    const users = limited
      ? `, of ${size.scheduled / CONCURRENCY_LIMIT} users with a limit of ${CONCURRENCY_LIMIT}`
      : '';
    const share = (name: string, of: number, unit: Row['unit'] = 's', atMost: number | null = null): Row =>
      boundedRow(name, unit, percentile(late, of) / 1_000, atMost, percentile(raw, of) / 1_000);
    const unscheduled = (name: string, of: number): Row =>
      boundedRow(name, 'ms', percentile(meanwhile, of), null, percentile(before, of));
    return [
      share(`${what}${users}: the last has begun after`, 1, 's', LAST_S),
      share('… p50', 0.5),
      share('… p99', 0.99),
      unscheduled('… others meanwhile, accepted to AttemptStarted, p50', 0.5),
      unscheduled('… p99', 0.99),
      unscheduled('… the slowest', 1),
    ];
  } finally {
    await broker.close();
  }
}

interface Measured {
  /** From the scheduled time to the beginning, of each that was scheduled. Milliseconds. */
  readonly late: readonly number[];
  /** From accepted to begun, of those that were asked for, for now, when nothing else went on. Milliseconds. */
  readonly before: readonly number[];
  /** The same, from the scheduled time until the last scheduled one has begun. */
  readonly meanwhile: readonly number[];
}

async function measure(broker: Broker, options: BenchOptions, limited: boolean): Promise<Measured> {
  const { databaseUrl, size } = options;
  const processes: MeasuredProcess[] = [];
  try {
    const darkroom = new Darkroom(options, databaseUrl);
    const simulator = await darkroom.simulator(RUN_MS);
    processes.unshift(simulator);
    processes.unshift(
      await darkroom.worker(simulator, {
        WORKER_ROLES: 'dispatch,generate',
        GENERATE_CONCURRENCY: '7000',
        REPLICATE_CREATES_PER_MINUTE: '10000000',
        // Replicate's own: all of them are waited for.
        REPLICATE_CALLS_PER_MINUTE: '3000',
      }),
    );
    const store = new JetStreamEventStore(broker);
    await rate(WARM_UP, CONCURRENCY, () => store.append(requested(), 0));
    await readLog(broker, WARM_UP);
    const due = Date.now() + size.scheduledAhead * 1_000;
    const scheduled = await schedule(store, size.scheduled, new Date(due), limited);
    const calmFrom = await untilScheduled(broker, size.scheduled, due);

    const others: string[] = [];
    // Nobody follows the log meanwhile: it would take its share of the machine, and the broker keeps the times.
    const areRunning = async (): Promise<boolean> => {
      const { state } = await broker.manager.streams.info(EVENTS_STREAM);
      return state.messages >= EVENTS_OF_EACH * (WARM_UP + size.scheduled + others.length);
    };
    // On until all of them run, when there is no more to be in the way of; and long enough to measure anything.
    for (
      const end = due + RUN_MS;
      Date.now() < end && !(Date.now() > due + LEAST_MS && (await areRunning()));
      await delay(PACE_MS)
    ) {
      const event = requested({ user_id: 'in-a-hurry' });
      others.push(event.generationId);
      await store.append(event, 0);
    }
    const log = await readLog(broker, WARM_UP + size.scheduled + others.length);
    const startedAt = (id: string): number => log.timeOf('AttemptStarted', id);
    const late = scheduled.map((id) => startedAt(id) - due);
    const over = due + Math.max(...late, LEAST_MS);
    const wait = (from: number, to: number): number[] =>
      others
        .map((id) => ({ at: log.timeOf('GenerationRequested', id), begun: startedAt(id) }))
        .filter(({ at }) => at >= from && at < to)
        .map(({ at, begun: then }) => then - at);
    return { late, before: wait(calmFrom, due), meanwhile: wait(due, over) };
  } finally {
    for (const each of processes) await each.stop();
  }
}

/** The log from its beginning, once so many have begun in it. */
async function readLog(broker: Broker, begun: number): Promise<Follower> {
  const log = await Follower.start(broker);
  try {
    await log.until('AttemptStarted', begun);
    return log;
  } finally {
    await log.stop();
  }
}

async function schedule(store: JetStreamEventStore, count: number, due: Date, limited: boolean): Promise<string[]> {
  const events = Array.from({ length: count }, (_, index) =>
    requested({
      scheduled_at: due.toISOString(),
      ...(limited && {
        user_id: `user-${Math.floor(index / CONCURRENCY_LIMIT)}`,
        concurrency_limit: CONCURRENCY_LIMIT,
      }),
    }),
  );
  let next = 0;
  await rate(count, CONCURRENCY, () => store.append(events[next++]!, 0));
  return events.map(({ generationId }) => generationId);
}

/** Resolves when the broker holds all of them until their time. Answers when that was. */
async function untilScheduled({ manager }: Broker, count: number, due: number): Promise<number> {
  for (;;) {
    const { state } = await manager.streams.info(WORK_STREAM, { subjects_filter: ALL_SCHEDULES });
    if (Object.keys(state.subjects ?? {}).length >= count) return Date.now();
    if (Date.now() > due - 1_000) throw new Error(`The time came before all ${count} were scheduled for it`);
    await delay(PACE_MS);
  }
}
