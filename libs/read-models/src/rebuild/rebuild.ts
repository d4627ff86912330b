import { EventStoreError, type LogIdentity, type LogReader, type Position } from '@darkroom/events';
import type { LoggerService } from '@nestjs/common';
import { isNativeError } from 'node:util/types';
import { advanceCheckpoint, createCheckpoint, type Checkpoint } from '../checkpoint/checkpoint.js';
import { openReadModels, type ReadModels } from '../database/open-read-models.js';
import { LIVE_SCHEMA, NEXT_SCHEMA } from '../database/schema-name.js';
import { isTransient } from '../database/unavailable.js';
import { checkLog } from '../projector/check-log.js';
import { BulkLoad } from './bulk-load.js';
import { CatchUp } from './catch-up.js';
import { heartbeat } from './heartbeat.js';
import { checkReplaceable, liveCheckpoint, liveTables } from './live-tables.js';
import { dropSchema, completeSchema, prepareSchema } from './next-schema.js';
import { readLog } from './read-log.js';
import { RebuildError } from './rebuild-error.js';
import { RebuildSession } from './rebuild-session.js';
import { swap } from './swap.js';
import { TableWriter } from './table-writer.js';

export interface RebuildOptions {
  /** As for `openReadModels`. The account must own the schema. */
  readonly url: string;
  readonly reader: LogReader;
  readonly logger: Pick<LoggerService, 'log' | 'warn'>;
  /** Told after every batch, several times a second. */
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Ends the rebuild and removes what it has made, as long as the tables are not swapped. */
  readonly signal?: AbortSignal;
  /** How much memory the states may take, by estimate. Bytes. Default 256 MiB. */
  readonly cacheBytes?: number;
}

export type RebuildPhase = 'loading' | 'indexing' | 'swapping';

export interface RebuildProgress {
  readonly phase: RebuildPhase;
  /** Reflected so far. */
  readonly position: Position;
  /** Of the last event in the log, when it was looked at last. */
  readonly last: Position;
}

export interface RebuildReport {
  /** In the new tables. */
  readonly events: number;
  readonly generations: number;
  /** From the call to the swap. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** The log is reflected up to here. */
  readonly position: Position;
  /** Where the new tables are now. */
  readonly schema: string;
}

/** Events read at once, at most; twice as many are under way. */
const BATCH = 2_500;

/** So far behind the log, the loading ends: the rest is projected when the indexes are there. Events. */
const REST = 2_000;

/** Time limit of one statement of a batch. Milliseconds. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Makes the read models again from the first event on, in tables beside the live ones, and puts them in their place in
 * one transaction. Reads, and the live projector, go on all the while. Publishes nothing, and moves no consumer. Whatever
 * happens before the swap, the live tables stay as they are, and what is left is removed, at the latest by the next one.
 * @throws RebuildError; ProjectionError `log_truncated`, `poison_event`; the reason of `signal` when that aborts
 */
export async function rebuildReadModels(options: RebuildOptions): Promise<RebuildReport> {
  const { url, signal = new AbortController().signal } = options;
  let session: RebuildSession | undefined;
  let models: ReadModels | undefined;
  try {
    signal.throwIfAborted();
    session = await RebuildSession.open(url, `darkroom.rebuild.${LIVE_SCHEMA}`, signal);
    models = await openReadModels({ url, schema: NEXT_SCHEMA, poolSize: 3, timeoutMs: STATEMENT_TIMEOUT_MS });
    return await runOrCleanUp(options, session, models, signal);
  } catch (error) {
    signal.throwIfAborted();
    session?.lost.throwIfAborted();
    throw explained(error);
  } finally {
    await Promise.all([session?.close(), models?.close()]);
  }
}

async function runOrCleanUp(
  options: RebuildOptions,
  session: RebuildSession,
  models: ReadModels,
  signal: AbortSignal,
): Promise<RebuildReport> {
  // Otherwise the making of an index over many rows would be waited for.
  let cancelled: Promise<unknown> = Promise.resolve();
  const cancel = (): void => {
    cancelled = models.em.execute('SELECT pg_cancel_backend(?)', [session.backend]).catch(() => undefined);
  };
  const pulse = heartbeat(models, () => void session.abandon());
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await run(options, session, models, AbortSignal.any([signal, session.lost]));
  } catch (error) {
    await cancelled;
    if (!session.lost.aborted) await dropSchema(session, NEXT_SCHEMA).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    pulse.stop();
  }
}

async function run(
  { url, reader, logger, onProgress, cacheBytes = 256 * 1024 * 1024 }: RebuildOptions,
  session: RebuildSession,
  models: ReadModels,
  signal: AbortSignal,
): Promise<RebuildReport> {
  const began = performance.now();
  const em = models.em.fork({ schema: NEXT_SCHEMA });
  const log = await reader.identify();
  checkLog(log, { logId: log.id, position: 0 });
  const leftOut = await prepareSchema(session, url, NEXT_SCHEMA);
  await checkReplaceable(session, NEXT_SCHEMA);
  await warnOfOtherLog(session, log, logger);

  let last = log.last;
  const tell = (phase: RebuildPhase, position: Position): void => onProgress?.({ phase, position, last });
  const load = new BulkLoad(new TableWriter(session, em), cacheBytes);
  const isNearEnd = async (position: Position): Promise<boolean> => {
    tell('loading', position);
    if (position < last) return false;
    last = (await reader.identify()).last;
    return last - position < REST;
  };
  if (last > 0) {
    for await (const batch of readLog(reader, 0, isNearEnd, { signal, maxBatch: BATCH })) await load.add(batch);
  }
  await load.finish();
  await createCheckpoint(em, log.id);
  const start: Checkpoint = { logId: log.id, position: 0 };
  if (!(await advanceCheckpoint(em, start, load.position))) throw new Error('Somebody else writes the next tables');

  tell('indexing', load.position);
  await completeSchema(session, NEXT_SCHEMA, leftOut);

  tell('swapping', load.position);
  const catchUp = new CatchUp(em, reader, { logId: log.id, position: load.position });
  const onBlocked = (reason: string): void => void logger.warn(`The swap waits: ${reason}`);
  await swap({ session, reader, catchUp, log, next: NEXT_SCHEMA, signal, onBlocked });

  const seconds = (performance.now() - began) / 1_000;
  const events = load.events + catchUp.events;
  return {
    events,
    generations: load.generations + catchUp.generations,
    seconds,
    eventsPerSecond: events / seconds,
    position: catchUp.position,
    schema: LIVE_SCHEMA,
  };
}

/** The one thing that an operator may have mistaken: which log this is. */
async function warnOfOtherLog(
  session: RebuildSession,
  log: LogIdentity,
  logger: RebuildOptions['logger'],
): Promise<void> {
  const tables = await liveTables(session);
  const live = tables.includes('projection_checkpoint') ? await liveCheckpoint(session) : null;
  if (!live) return;
  if (live.logId !== log.id) {
    logger.warn(`The live tables reflect log ${live.logId}; they are being replaced by what log ${log.id} says`);
  } else if (live.position > log.last) {
    logger.warn(
      `The live tables reflect the log up to ${live.position}, but it ends at ${log.last}: what it lost goes`,
    );
  }
}

function explained(error: unknown): Error {
  const known: Error = isNativeError(error) ? error : new Error(String(error));
  if (known instanceof RebuildError) return known;
  if (known instanceof EventStoreError) return interrupted(`The log: ${known.message}`, known);
  return isTransient(known) ? interrupted(`PostgreSQL: ${known.message}`, known) : known;
}

function interrupted(message: string, cause: unknown): RebuildError {
  return new RebuildError('interrupted', message, { cause });
}
