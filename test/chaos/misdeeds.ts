import { EVENTS_STREAM } from '@darkroom/events';
import { jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosSystem } from './chaos-system.js';
import { tell, type Misdeed, type Target } from './misdeed-plan.js';

/** What was done, and when. Times ISO 8601 UTC. */
export interface Deed {
  readonly misdeed: Misdeed;
  readonly began: string;
  readonly ended: string;
}

/** In one line. */
export function tellDeed({ misdeed, began, ended }: Deed): string {
  return `${began} – ${ended.slice(11)} ${tell(misdeed)}`;
}

/**
 * Does all that is planned, each at its time from now on, and ends all of it: what was killed runs again, what was frozen
 * goes on, and everything is let through. Two misdeeds on the same thing come one after the other.
 *
 * @throws what the first that failed threw, when all are over
 */
export async function commitAll(system: ChaosSystem, misdeeds: readonly Misdeed[]): Promise<Deed[]> {
  const deeds: Deed[] = [];
  const queues = new Map<string, Promise<void>>();
  const start = Date.now();
  const inTurn = misdeeds.map(async (misdeed) => {
    await delay(Math.max(0, start + misdeed.at - Date.now()));
    const victim = victimOf(misdeed);
    const turn = (queues.get(victim) ?? Promise.resolve()).then(async () => {
      const began = new Date().toISOString();
      await commit(system, misdeed);
      deeds.push({ misdeed, began, ended: new Date().toISOString() });
    });
    queues.set(victim, turn);
    await turn;
  });
  await Promise.allSettled(inTurn);
  await Promise.all(inTurn);
  return deeds.sort((a, b) => a.began.localeCompare(b.began));
}

function victimOf(misdeed: Misdeed): string {
  switch (misdeed.kind) {
    case 'kill':
    case 'freeze':
      return misdeed.target;
    case 'cut':
    case 'refuse':
    case 'hang':
      return misdeed.link;
    case 'fill':
      return 'nats';
    case 'blind':
      return 'simulator';
  }
}

async function commit(system: ChaosSystem, misdeed: Misdeed): Promise<void> {
  switch (misdeed.kind) {
    case 'kill':
      return kill(system, misdeed.target, misdeed.downFor);
    case 'freeze': {
      const release = freeze(system, misdeed.target);
      await delay(misdeed.for);
      return release();
    }
    case 'cut':
      system.proxy(misdeed.link).cut();
      return;
    case 'refuse':
    case 'hang': {
      const proxy = system.proxy(misdeed.link);
      proxy[misdeed.kind]();
      await delay(misdeed.for);
      return proxy.open();
    }
    case 'fill':
      return withBroker(system.nats.url, (connection) =>
        misdeed.quota === 'log' ? fillLog(connection, misdeed.for) : fillBroker(connection, misdeed.for),
      );
    case 'blind':
      return system.script([{ kind: 'read_error', status: 503, times: misdeed.times }]);
  }
}

async function kill(system: ChaosSystem, target: Target, downFor: number): Promise<void> {
  switch (target) {
    case 'nats':
      await system.nats.kill9();
      await delay(downFor);
      return system.nats.restart();
    case 'postgres':
      await system.postgres.kill9();
      await delay(downFor);
      return system.postgres.start();
    default:
      await system.killApp(target);
      await delay(downFor);
      return system.startApp(target);
  }
}

function freeze(system: ChaosSystem, target: Target): () => void {
  if (target === 'nats' || target === 'postgres') return system[target].hang();
  return system.apps[target].hang();
}

async function withBroker(url: string, work: (connection: NatsConnection) => Promise<void>): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}

/** The log may grow no further, as a quota of its own says. */
async function fillLog(connection: NatsConnection, forMs: number): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  const { config, state } = await streams.info(EVENTS_STREAM);
  await streams.update(EVENTS_STREAM, { ...config, max_bytes: state.bytes });
  await delay(forMs);
  await streams.update(EVENTS_STREAM, { ...config, max_bytes: -1 });
}

const FILLER = { name: 'FILLER', subjects: ['filler'], storage: StorageType.File };

/** Somebody else's stream takes what is left of the disk. */
async function fillBroker(connection: NatsConnection, forMs: number): Promise<void> {
  const { streams } = await jetstreamManager(connection);
  await streams.add(FILLER);
  const client = jetstream(connection);
  for (const size of [900_000, 50_000, 1_000]) {
    const block = new Uint8Array(size);
    let isFull = false;
    while (!isFull) await client.publish('filler', block).catch(() => (isFull = true));
  }
  await delay(forMs);
  await streams.delete(FILLER.name);
}
