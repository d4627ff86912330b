import { defineConfig, MikroORM, type EntityManager, type Options } from '@mikro-orm/postgresql';
import type { Pool } from 'pg';
import { CheckpointTable } from '../checkpoint/checkpoint.js';
import { PositionWaiter } from '../checkpoint/position-waiter.js';
import { FailedQuery } from '../failed/failed.query.js';
import { GenerationsQuery } from '../generations/generations.query.js';
import { GenerationTable } from '../generations/generations.table.js';
import { IdleQuery } from '../stuck/idle.query.js';
import { StuckQuery } from '../stuck/stuck.query.js';
import { UsageQuery } from '../usage/usage.query.js';
import { inspectTables, type TablesState } from './inspect-tables.js';
import { LIVE_SCHEMA, schemaName } from './schema-name.js';

export interface ReadModelsConfig {
  /** `postgres://user:password@host:port/database`, with the parameters that `pg` knows (sslmode and so on). */
  readonly url: string;
  /** Default: the live one. */
  readonly schema?: string;
  /** Connections at most. Default 10. */
  readonly poolSize?: number;
  /** No statement takes longer, whatever Postgres does. Default 5,000 ms. */
  readonly timeoutMs?: number;
  /** Told of connections that were lost. */
  readonly onWarning?: (message: string) => void;
}

/** How the readers' and the projector's sessions are told in pg_stat_activity. */
export const APPLICATION_NAME = 'darkroom';

/** Options for MikroORM. Nothing connects before the first query. */
function readModelsOptions(config: ReadModelsConfig): Options {
  const { url, poolSize = 10, timeoutMs = 5_000, onWarning } = config;
  return defineConfig({
    entities: [GenerationTable, CheckpointTable],
    clientUrl: url,
    colors: false,
    logger: (message) => onWarning?.(message),
    driverOptions: {
      connectionString: url,
      application_name: APPLICATION_NAME,
      max: poolSize,
      keepAlive: true,
      connectionTimeoutMillis: Math.min(timeoutMs, 3_000),
      // The server gives up first and says so; ours is for a server that says nothing any more.
      statement_timeout: timeoutMs,
      query_timeout: timeoutMs + 500,
      idle_in_transaction_session_timeout: 2 * timeoutMs,
      onPoolCreated: dropWedgedConnections,
    },
  });
}

/**
 * After a query timed out on our side its connection still waits for the answer, and so would everybody it is handed
 * to next. `end` marks it as not to be used again, and closes it at once.
 */
function dropWedgedConnections(pool: Pool): void {
  pool.on('release', (_error, client) => {
    if ('readyForQuery' in client && client.readyForQuery === false) void client.end();
  });
}

/** The read models as an app uses them. */
export interface ReadModels {
  readonly orm: MikroORM;
  readonly em: EntityManager;
  readonly generations: GenerationsQuery;
  readonly usage: UsageQuery;
  readonly stuck: StuckQuery;
  readonly idle: IdleQuery;
  readonly failed: FailedQuery;
  readonly positions: PositionWaiter;
  /** For health checks: answers when the read models can be read. @throws ReadModelUnavailable */
  check(): Promise<void>;
  /** What the tables are and reflect, for who looks into a problem. @throws ReadModelUnavailable */
  inspect(): Promise<TablesState>;
  close(): Promise<void>;
}

/** Opens the read models. Does not connect: Postgres may be away, then and at any time later. */
export async function openReadModels(config: ReadModelsConfig): Promise<ReadModels> {
  const schema = schemaName(config.schema ?? LIVE_SCHEMA);
  const orm = await MikroORM.init(readModelsOptions(config));
  const { em } = orm;
  const positions = new PositionWaiter(em, schema);
  return {
    orm,
    em,
    generations: new GenerationsQuery(em, schema),
    usage: new UsageQuery(em, schema),
    stuck: new StuckQuery(em, schema),
    idle: new IdleQuery(em, schema),
    failed: new FailedQuery(em, schema),
    positions,
    check: async () => void (await positions.position()),
    inspect: () => inspectTables(em, schema),
    close: () => orm.close(),
  };
}
