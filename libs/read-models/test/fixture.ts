import { fold } from '@darkroom/domain';
import type { LogReader, RecordedEvent } from '@darkroom/events';
import { expect } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase } from '../../../test/support/postgres.js';
import { migrateReadModels, openReadModels, Projector, type ProjectorOptions, type ReadModels } from '../src/index.js';
import type { MemoryLog } from './memory-log.js';

export const SILENT = { log: () => undefined, warn: () => undefined, error: () => undefined };

/** A database with read models, empty. */
export interface Fixture {
  readonly url: string;
  readonly models: ReadModels;
  query<T>(sql: string): Promise<T[]>;
  close(): Promise<void>;
}

/** On a server of the suite's own when `server` is given, else in a database that is dropped afterwards. */
export async function openFixture(server?: { url: string }): Promise<Fixture> {
  const database = server ? { url: server.url, drop: async () => undefined } : await createTestDatabase();
  await migrateReadModels({ url: database.url });
  const models = await openReadModels({ url: database.url });
  return {
    url: database.url,
    models,
    query: (sql) => execute(database.url, sql),
    async close() {
      await models.close();
      await database.drop();
    },
  };
}

export async function execute<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** A projector at work. `stop` ends it; `ended` is its run. */
export function startProjector(
  { models }: Pick<Fixture, 'models'>,
  reader: LogReader,
  options: Partial<ProjectorOptions> = {},
): { projector: Projector; ended: Promise<void>; stop(): Promise<void> } {
  const abort = new AbortController();
  const projector = new Projector({
    em: models.em,
    reader,
    logger: SILENT,
    standbyMs: 50,
    maxRetryMs: 200,
    ...options,
  });
  const ended = projector.run(abort.signal);
  // Whoever stops it sees its failure; until then it is nobody's unhandled rejection.
  ended.catch(() => undefined);
  return {
    projector,
    ended,
    async stop() {
      abort.abort();
      await ended;
    },
  };
}

/** Projects a log to its end. */
export async function projectAll(fixture: Pick<Fixture, 'models'>, log: MemoryLog): Promise<void> {
  const running = startProjector(fixture, log);
  const reached = fixture.models.positions.waitFor(log.last, 30_000);
  expect(await Promise.race([reached, running.ended])).toBe(true);
  await running.stop();
}

/** Every row of every table is what these events say, by a count of its own. */
export async function expectProjected(fixture: Fixture, events: readonly RecordedEvent[]): Promise<void> {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    streams.set(event.generationId, [...(streams.get(event.generationId) ?? []), event]);
  }
  const expected = [...streams].map(([id, stream]) => ({
    id,
    position: stream.at(-1)!.position,
    state: fold(stream)!,
  }));

  const rows = await fixture.query<Record<string, unknown>>('SELECT * FROM read_model.generations ORDER BY id');
  expect(rows).toEqual(
    expected
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, position, state }) => ({
        id,
        user_id: state.request.user_id,
        status: state.status,
        model_id: state.request.model_id,
        created_at: new Date(state.createdAt),
        scheduled_at: state.request.scheduled_at && new Date(state.request.scheduled_at),
        completed_at: state.completedAt && new Date(state.completedAt),
        batch_id: state.request.batch_id,
        metadata: state.request.metadata,
        version: state.version,
        position: String(position),
        state,
      })),
  );

  const images = await fixture.query<{ id: string; generation_id: string; bytes: string }>(
    'SELECT id, generation_id, bytes FROM read_model.images ORDER BY id',
  );
  expect(images).toEqual(
    expected.flatMap(({ id, state }) =>
      state.images.map((image) => ({ id: image.id, generation_id: id, bytes: String(image.bytes) })),
    ),
  );

  const usage = await fixture.query<Record<string, string>>(`
    SELECT day::text, user_id, model_id, requested, completed, failed, cancelled, images, bytes,
      (cost_usd * 1000000)::bigint AS micro_dollars
    FROM read_model.usage_daily`);
  expect(Object.fromEntries(usage.map((row) => [`${row.day} ${row.user_id} ${row.model_id}`, row]))).toEqual(
    usageByHand(events),
  );

  const [checkpoint] = await fixture.query<{ position: string }>(
    'SELECT position FROM read_model.projection_checkpoint',
  );
  expect(Number(checkpoint?.position ?? 0)).toBe(events.at(-1)?.position ?? 0);
}

function usageByHand(events: readonly RecordedEvent[]): Record<string, Record<string, string>> {
  const models = new Map<string, string>();
  const sums: Record<string, Record<string, string>> = {};
  const add = (event: RecordedEvent, what: string, amount: number) => {
    const [day, user_id, model_id] = [event.time.slice(0, 10), event.userId, models.get(event.generationId)!];
    const row = (sums[`${day} ${user_id} ${model_id}`] ??= {
      ...{ day, user_id, model_id, requested: '0', completed: '0', failed: '0', cancelled: '0' },
      ...{ images: '0', bytes: '0', micro_dollars: '0' },
    });
    row[what] = String(Number(row[what]) + amount);
  };
  for (const event of events) {
    if (event.type === 'GenerationRequested') models.set(event.generationId, event.data.model_id);
    if (event.type === 'GenerationRequested') add(event, 'requested', 1);
    if (event.type === 'Failed') add(event, 'failed', 1);
    if (event.type === 'Cancelled') add(event, 'cancelled', 1);
    if (event.type === 'Downloaded') {
      add(event, 'completed', 1);
      for (const image of event.data.images) {
        add(event, 'images', 1);
        add(event, 'bytes', image.bytes);
      }
    }
    if (event.type === 'Generated' && event.data.actual_cost_usd !== null) {
      add(event, 'micro_dollars', Math.round(event.data.actual_cost_usd * 1_000_000));
    }
  }
  return sums;
}
