import { JetStreamEventStore, JetStreamLogReader, Mender, SweepRecords, type Broker } from '@darkroom/events';
import { openReadModels, type ReadModels } from '@darkroom/read-models';
import { readConfig } from './config.js';
import { connectLog } from './connect-log.js';
import { stopSignal } from './stop-signal.js';

/** An operator waits, but a count over many rows may take its time. Milliseconds. */
const QUERY_TIMEOUT_MS = 30_000;

/** What the commands look into and act on. */
export interface Stores {
  readonly broker: Broker;
  readonly store: JetStreamEventStore;
  readonly log: JetStreamLogReader;
  readonly mender: Mender;
  readonly records: SweepRecords;
  /** Postgres may be away: whoever asks hears of it. */
  readonly readModels: ReadModels;
  /** Aborts when the operator ends the command. */
  readonly signal: AbortSignal;
}

/** Runs a command on what the environment names, and closes everything after it. */
export async function withStores<T>(run: (stores: Stores) => Promise<T>): Promise<T> {
  const config = readConfig();
  const signal = stopSignal();
  const broker = await connectLog(config, signal);
  const readModels = await openReadModels({ url: config.databaseUrl, poolSize: 2, timeoutMs: QUERY_TIMEOUT_MS });
  try {
    const store = new JetStreamEventStore(broker);
    const records = await SweepRecords.open(broker);
    const mender = new Mender(broker, store, records);
    return await run({ broker, store, log: new JetStreamLogReader(broker), mender, records, readModels, signal });
  } finally {
    await Promise.all([broker.close(), readModels.close()]);
  }
}

/** One line of a command's answer. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
