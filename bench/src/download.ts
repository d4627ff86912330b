import { JetStreamEventStore, StageHolds, WORK_STREAM, type Broker } from '@darkroom/events';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Darkroom } from './darkroom.js';
import { Follower } from './follower.js';
import { rate } from './operations.js';
import type { BenchOptions } from './options.js';
import { freePort, MeasuredProcess } from './processes.js';
import { atLeastRow, boundedRow, type Row } from './row.js';
import { freshBroker } from './servers.js';
import { compare, inTurns } from './statistics.js';
import { generated } from './story.js';

const PER_SECOND = 15;
const PEAK_MB = 400;
/** What a process that keeps nothing may still have grown by, from half of the images to all of them. */
const GROWN = 1.1;

/** Different images: those of one server, again and again. */
const IMAGES = 16;
/** DOWNLOAD_CONCURRENCY's default. */
const CONCURRENCY = 8;
const APPENDS = 64;
const PATIENCE_MS = 180_000;

/** The download stage alone: images that a provider has made, until they are stored, measured, and have thumbnails. */
export async function download(options: BenchOptions): Promise<Row[]> {
  const { natsUrl, databaseUrl, size } = options;
  const broker = await freshBroker(natsUrl);
  const follower = await Follower.start(broker);
  const processes: MeasuredProcess[] = [];
  const start = async (starting: Promise<MeasuredProcess>): Promise<MeasuredProcess> => {
    const started = await starting;
    processes.unshift(started);
    return started;
  };
  try {
    const server = await start(helper(options, 'image-server', { COUNT: String(IMAGES) }));
    const images = Array.from({ length: IMAGES }, (_, index) => `${server.url}/${index}.webp`);
    const bare = await start(
      helper(options, 'limits/bare-sharp', { IMAGES: images.join(' '), CONCURRENCY: String(CONCURRENCY) }),
    );
    const roles = { WORKER_ROLES: 'dispatch,download', DOWNLOAD_CONCURRENCY: String(CONCURRENCY) };
    const worker = await start(new Darkroom(options, databaseUrl).worker(server, roles));

    const memory: number[] = [];
    const round = async (): Promise<number> => {
      const perSecond = await downloadAll(broker, follower, images, size.downloads);
      memory.push(worker.residentBytes() / 1e6);
      return perSecond;
    };
    const limit = (): Promise<number> => runBare(bare, size.downloads);
    await round();
    await limit();
    const { ours, limit: most, ratio } = compare(await inTurns(size.rounds, round, limit), (perSecond) => perSecond);
    const [half, end] = [memory[Math.floor((memory.length - 1) / 2)]!, memory.at(-1)!];
    const count = memory.length * size.downloads;
    return [
      {
        ...atLeastRow('Images downloaded, of 1,024 × 1,024 WebP, with thumbnails', '/s', ours, PER_SECOND),
        limit: most,
        ratio,
      },
      boundedRow(`… the worker's memory, at most, of ${count} images`, 'MB', worker.peakBytes() / 1e6, PEAK_MB),
      {
        ...boundedRow('… after all of them, beside that after half', 'MB', end, null, half),
        target: { text: `ratio ≤ ${GROWN}`, met: end / half <= GROWN },
      },
    ];
  } finally {
    await follower.stop();
    for (const each of processes) await each.stop();
    await broker.close();
  }
}

/** Images per second, from the moment that the worker may begin. All of the work is in the queue by then. */
async function downloadAll(
  broker: Broker,
  follower: Follower,
  images: readonly string[],
  count: number,
): Promise<number> {
  const holds = await StageHolds.open(broker);
  await holds.pause('download', null);
  const before = follower.count('Downloaded');
  const stories = Array.from({ length: count }, (_, index) => generated(images[index % images.length]!));
  const store = new JetStreamEventStore(broker);
  let next = 0;
  await rate(count, APPENDS, async () => {
    let position = 0;
    for (const event of stories[next++]!) position = await store.append(event, position);
  });
  await untilQueued(broker, count);
  const began = Date.now();
  await holds.resume('download');
  await follower.until('Downloaded', before + count, PATIENCE_MS);
  const ends = stories.map(([first]) => follower.timeOf('Downloaded', first!.generationId));
  return count / ((Math.max(...ends) - began) / 1_000);
}

async function untilQueued({ manager }: Broker, count: number): Promise<void> {
  for (;;) {
    const { state } = await manager.streams.info(WORK_STREAM, { subjects_filter: 'work.download.>' });
    if (Object.keys(state.subjects ?? {}).length >= count) return;
    await delay(50);
  }
}

async function runBare({ url }: MeasuredProcess, count: number): Promise<number> {
  const response = await fetch(`${url}/run/${count}`);
  if (!response.ok) throw new Error(`The limit was not measured: ${await response.text()}`);
  return Number(await response.text());
}

async function helper(
  { appEnv, folder }: BenchOptions,
  file: string,
  env: Readonly<Record<string, string>>,
): Promise<MeasuredProcess> {
  const port = await freePort();
  return MeasuredProcess.start({
    name: basename(file),
    main: join('bench', 'src', `${file}.js`),
    env: { ...appEnv, PORT: String(port), ...env },
    port,
    readyPath: '/ready',
    folder,
  });
}
