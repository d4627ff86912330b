import { connectBroker, EVENTS_STREAM, provision, topology, type Broker } from '@darkroom/events';
import type { StreamConfig } from '@nats-io/jetstream';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { RAW_STREAM, rawSubject } from './raw-names.js';

/** A broker without any stream of ours. Whatever used them has ended before. */
export async function emptyBroker(natsUrl: string): Promise<Broker> {
  const broker = await connectBroker({ servers: [natsUrl], name: 'darkroom-bench' });
  for await (const { config } of broker.manager.streams.list()) await broker.manager.streams.delete(config.name);
  return broker;
}

/** A broker with Darkroom's streams, and nothing in them. */
export async function freshBroker(natsUrl: string): Promise<Broker> {
  const broker = await emptyBroker(natsUrl);
  await provision(broker, { replicas: 1 });
  return broker;
}

export async function addRawStream(broker: Broker): Promise<void> {
  await broker.manager.streams.add(rawStreamConfig());
}

function rawStreamConfig(): Partial<StreamConfig> & { name: string } {
  const events = topology({ replicas: 1 }).find(({ config }) => config.name === EVENTS_STREAM);
  if (!events) throw new Error('The topology has no EVENTS');
  return { ...events.config, name: RAW_STREAM, subjects: [rawSubject('*')] };
}

/** An empty database; `drop` ends its sessions. */
export async function freshDatabase(server: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `bench_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** The server's version, e.g. `18.4`. */
export async function postgresVersion(server: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? 'unknown';
  } finally {
    await client.end();
  }
}

async function execute(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
