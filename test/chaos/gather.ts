import { fold } from '@darkroom/domain';
import { connectBroker, EVENTS_STREAM, JetStreamLogReader, ADVISORIES_STREAM, WORK_STREAM } from '@darkroom/events';
import { rebuildReadModels } from '@darkroom/read-models';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { createHash } from 'node:crypto';
import { execute, SILENT } from '../../libs/read-models/test/fixture.js';
import { hashTables } from '../../libs/read-models/test/tables.js';
import { ADMIN_KEY } from '../system/client.js';
import type { SimulatedPrediction } from '../system/simulator.js';
import type { ChaosSystem } from './chaos-system.js';
import {
  historiesOf,
  type Accepted,
  type Evidence,
  type GenerationRow,
  type PaidPrediction,
  type Queues,
  type SeenImage,
  type Tables,
} from './check/evidence.js';
import type { LogCopy } from './log-copy.js';

/** Images whose original is drawn again by the provider: that is slow. */
const ORIGINALS = 50;
const AT_ONCE = 16;

/** Everything that the checks look at, asked of those who know: broker, database, provider, and the gateways for images. */
export async function gather(system: ChaosSystem, accepted: readonly Accepted[], copy: LogCopy): Promise<Evidence> {
  await copy.refresh();
  const log = [...copy.events];
  const [simulated, rows, queues] = await Promise.all([
    system.simulator.predictions(),
    readRows(system.postgres.url),
    readQueues(system.nats.url),
  ]);
  return {
    accepted,
    log,
    predictions: simulated.map(paid),
    images: await readImages(system, log, simulated),
    rows,
    tables: await readTables(system),
    queues,
  };
}

function paid({ id, status, input, created_at, completed_at }: SimulatedPrediction): PaidPrediction {
  return { id, status, prompt: input.prompt, createdAt: created_at, completedAt: completed_at ?? null };
}

export async function readQueues(natsUrl: string): Promise<Queues> {
  const connection = await connect({ servers: natsUrl });
  try {
    const { streams, consumers } = await jetstreamManager(connection);
    const waiting: Record<string, number> = {};
    const states: Record<string, Queues['consumers'][string]> = {};
    for (const name of [WORK_STREAM, ADVISORIES_STREAM]) {
      Object.assign(waiting, (await streams.info(name, { subjects_filter: '>' })).state.subjects ?? {});
    }
    for (const stream of [EVENTS_STREAM, WORK_STREAM, ADVISORIES_STREAM]) {
      for await (const { name, config, num_ack_pending, num_pending } of consumers.list(stream)) {
        // Those without a name are readers: nobody waits for them.
        if (config.durable_name) states[name] = { unacknowledged: num_ack_pending, pending: num_pending };
      }
    }
    return { waiting, consumers: states };
  } finally {
    await connection.close();
  }
}

async function readRows(databaseUrl: string): Promise<GenerationRow[]> {
  const rows = await execute<GenerationRow & { position: string }>(
    databaseUrl,
    'SELECT id, status, version, position, state FROM read_model.generations',
  );
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}

/** The live tables beside those that a rebuild makes of the log in an empty database. */
async function readTables({ nats, postgres }: ChaosSystem): Promise<Tables> {
  await execute(postgres.url, 'CREATE DATABASE fresh');
  const fresh = new URL(postgres.url);
  fresh.pathname = '/fresh';
  const broker = await connectBroker({ servers: [nats.url], name: 'chaos' });
  try {
    await rebuildReadModels({ url: fresh.href, reader: new JetStreamLogReader(broker), logger: SILENT });
    return { live: await hashTables(postgres.url), fresh: await hashTables(fresh.href) };
  } finally {
    await broker.close();
  }
}

interface Wanted {
  readonly id: string;
  readonly generationId: string;
  /** Where the provider has it. */
  readonly original: string | undefined;
}

async function readImages(
  system: ChaosSystem,
  log: Evidence['log'],
  simulated: readonly SimulatedPrediction[],
): Promise<SeenImage[]> {
  const outputs = new Map(simulated.map(({ id, output }) => [id, output ?? []]));
  const wanted = [...historiesOf(log)].flatMap(([generationId, history]): Wanted[] => {
    const state = fold(history);
    return (state?.images ?? []).map(({ id, index }) => {
      return { id, generationId, original: outputs.get(state?.generated?.prediction_id ?? '')?.[index] };
    });
  });
  // The originals are to be as the provider made them.
  await system.simulator.clearFaults();
  const every = Math.max(1, Math.floor(wanted.length / ORIGINALS));
  const look = async ({ id, generationId, original }: Wanted, index: number): Promise<SeenImage> => {
    const url = `${system.apps[index % 2 === 0 ? 'gateway-0' : 'gateway-1'].url}/v1/images/${id}/content`;
    const stored = await fetchBytes(url, { authorization: `Bearer ${ADMIN_KEY}` });
    const made = original !== undefined && index % every === 0 ? await fetchBytes(original) : null;
    return {
      id,
      generationId,
      status: stored.status,
      bytes: stored.content.length,
      sha256: sha256(stored.content),
      originalSha256: made && sha256(made.content),
    };
  };
  const seen: SeenImage[] = [];
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE);
    seen.push(...(await Promise.all(some.map((one, index) => look(one, from + index)))));
  }
  return seen;
}

async function fetchBytes(url: string, headers?: Record<string, string>): Promise<{ status: number; content: Buffer }> {
  try {
    const response = await fetch(url, { headers });
    return { status: response.status, content: Buffer.from(await response.arrayBuffer()) };
  } catch {
    return { status: 0, content: Buffer.alloc(0) };
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
