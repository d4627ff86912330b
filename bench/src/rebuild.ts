import { EVENTS_STREAM, JetStreamLogReader, type Broker } from '@darkroom/events';
import { migrateReadModels, rebuildReadModels } from '@darkroom/read-models';
import { fillLog } from './fill-log.js';
import type { BenchOptions } from './options.js';
import { comparedRow, type Row } from './row.js';
import { freshBroker, freshDatabase } from './servers.js';
import { compare, inTurns } from './statistics.js';
import { EVENTS_OF_A_GENERATION } from './story.js';

const SHARE_OF_RAW = 0.3;
const EVENTS_PER_SECOND = 25_000;

/** As many as the rebuild asks for. */
const READ_AHEAD = 5_000;

/** Every read model from the first event on, beside a reader of the same log that keeps nothing. */
export async function rebuild({ natsUrl, databaseUrl, size }: BenchOptions): Promise<Row[]> {
  const broker = await freshBroker(natsUrl);
  const database = await freshDatabase(databaseUrl);
  try {
    await migrateReadModels({ url: database.url });
    await fillLog(broker, size.rebuilt);
    const count = size.rebuilt * EVENTS_OF_A_GENERATION;
    const rounds = Math.ceil(size.rounds / 3);
    const ours = () => readModels(broker, database.url, count);
    const pairs = await inTurns(rounds, ours, () => readRaw(broker, count));
    const eager = await inTurns(rounds, ours, () => readRaw(broker, count, READ_AHEAD));
    const row = comparedRow(
      `Events rebuilt into the read models, of ${count}`,
      '/s',
      compare(pairs, (perSecond) => perSecond),
      SHARE_OF_RAW,
    );
    const eagerRow = comparedRow(
      `… beside a consumer that asks for ${READ_AHEAD.toLocaleString('en')} at a time`,
      '/s',
      compare(eager, (perSecond) => perSecond),
    );
    const met = row.target?.met === true && row.value >= EVENTS_PER_SECOND;
    const text = `ratio ≥ ${SHARE_OF_RAW}, ≥ ${EVENTS_PER_SECOND.toLocaleString('en')} /s`;
    return [{ ...row, target: { text, met } }, eagerRow];
  } finally {
    await broker.close();
    await database.drop();
  }
}

async function readModels(broker: Broker, url: string, count: number): Promise<number> {
  const logger = { log: () => undefined, warn: (line: string) => void process.stderr.write(`bench | ${line}\n`) };
  const began = performance.now();
  const { events } = await rebuildReadModels({ url, reader: new JetStreamLogReader(broker), logger });
  if (events !== count) throw new Error(`${events} events were rebuilt, and not ${count}`);
  return count / ((performance.now() - began) / 1_000);
}

/**
 * Events per second of an ordered consumer that parses every body and keeps nothing.
 * @param readAhead messages it asks for at a time; left out: as many as the client does by itself (100)
 */
async function readRaw(broker: Broker, count: number, readAhead?: number): Promise<number> {
  const began = performance.now();
  const consumer = await broker.jetstream.consumers.get(EVENTS_STREAM);
  const messages = await consumer.consume(readAhead === undefined ? {} : { max_messages: readAhead });
  let read = 0;
  for await (const message of messages) {
    message.json();
    if (++read === count) break;
  }
  return read / ((performance.now() - began) / 1_000);
}
