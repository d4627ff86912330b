import { JetStreamEventStore, JetStreamLogReader, Mender, SweepRecords, type Broker } from '@darkroom/events';
import { openReadModels, type ReadModels } from '@darkroom/read-models';
import { openStorage } from '@darkroom/storage';
import type { Command } from 'commander';
import { readConfig, type CliConfig } from '../config.js';
import { connectLog } from '../connect-log.js';
import { stopSignal } from '../stop-signal.js';
import { say } from '../stores.js';
import { checkFailures, checkStuck } from './check-generations.js';
import { checkModels } from './check-models.js';
import { checkNats } from './check-nats.js';
import { checkQueues } from './check-queues.js';
import { checkReadModels } from './check-read-models.js';
import { look, ok, type Finding } from './finding.js';

/** Of each question to Postgres: an answer that takes longer is a finding. Milliseconds. */
const QUERY_TIMEOUT_MS = 10_000;

const NATS_TODO = 'see that nats-server runs at NATS_URL, and its log (docker compose logs nats)';
const POSTGRES_TODO = 'see that PostgreSQL runs at DATABASE_URL, and its log (docker compose logs postgres)';

/** `darkroom doctor` */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('look at everything, and say what to do')
    .description(
      'Looks at NATS, PostgreSQL, the storage of images (where STORAGE_URL or DATA_DIR names one), the queues, models that are ' +
        'switched off and what does not come to its end. Changes nothing. Ends with 1 when it finds a problem.',
    )
    .option('--json', 'as JSON', false)
    .action(doctor);
}

async function doctor({ json }: { json: boolean }): Promise<void> {
  const config = readConfig();
  const signal = stopSignal();
  const readModels = await openReadModels({ url: config.databaseUrl, poolSize: 2, timeoutMs: QUERY_TIMEOUT_MS });
  try {
    const findings = await examine(config, readModels, signal);
    if (json) say(JSON.stringify(findings, null, 2));
    else for (const finding of findings) say(lineOf(finding));
    const problems = findings.filter(({ level }) => level === 'problem').length;
    if (problems > 0) throw new Error(`${problems} ${problems === 1 ? 'problem' : 'problems'} found.`);
  } finally {
    await readModels.close();
  }
}

/** Everything that can be looked at; what cannot be reached is a finding, and what needs it is left out. */
async function examine(config: CliConfig, readModels: ReadModels, signal: AbortSignal): Promise<Finding[]> {
  let broker: Broker | undefined;
  const nats = await look('nats', NATS_TODO, async () => {
    broker = await connectLog(config, signal);
    return checkNats(broker);
  });
  signal.throwIfAborted();
  try {
    const log = broker ? new JetStreamLogReader(broker) : null;
    const postgres = await look('postgres', POSTGRES_TODO, () => checkReadModels(readModels, log));
    const isThere = postgres.some(({ subject, level }) => subject === 'postgres' && level === 'ok');
    return [
      ...nats,
      ...postgres,
      ...(await look('storage', 'make room, or see to the rights: DarkroomDependencyDown', () => checkStorage(config))),
      ...(broker ? await look('queues', NATS_TODO, () => checkQueues(broker!)) : []),
      ...(broker ? await look('models', NATS_TODO, () => checkModels(broker!)) : []),
      ...(broker && isThere ? await look('stuck', NATS_TODO, () => stuck(broker!, readModels, signal)) : []),
      ...(isThere ? await look('failed, last hour', POSTGRES_TODO, () => checkFailures(readModels)) : []),
    ];
  } finally {
    await broker?.close();
  }
}

async function stuck(broker: Broker, readModels: ReadModels, signal: AbortSignal): Promise<Finding[]> {
  const store = new JetStreamEventStore(broker);
  const records = await SweepRecords.open(broker);
  const mender = new Mender(broker, store, records);
  return checkStuck({ broker, store, log: new JetStreamLogReader(broker), mender, records, readModels, signal });
}

async function checkStorage({ storageUrl }: CliConfig): Promise<Finding[]> {
  if (storageUrl === null) return [ok('storage', 'not looked at: neither STORAGE_URL nor DATA_DIR is set')];
  const storage = await openStorage(storageUrl);
  await storage.check(AbortSignal.timeout(QUERY_TIMEOUT_MS));
  return [ok('storage', 'takes images')];
}

function lineOf({ level, subject, message, todo }: Finding): string {
  return `${level.padEnd(7)} | ${subject}: ${message}${todo ? ` -> ${todo}` : ''}`;
}
