import type { Generation, Status } from '@darkroom/domain';
import { defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { copyLine } from '../database/copy.js';
import { storableJson, storableText } from '../database/storable.js';
import type { GenerationRow } from './generations.projection.js';

export const GenerationTable = defineEntity({
  name: 'GenerationRow',
  tableName: 'generations',
  schema: '*',
  properties: {
    id: p.uuid().primary(),
    userId: p.text(),
    status: p.text().$type<Status>(),
    modelId: p.text(),
    createdAt: p.datetime(),
    scheduledAt: p.datetime().nullable(),
    completedAt: p.datetime().nullable(),
    batchId: p.text().nullable(),
    metadata: p.json<Readonly<Record<string, string>>>(),
    version: p.integer(),
    position: p.bigint('number'),
    state: p.json<Generation>(),
  },
});

/** The rows of these generations that exist. */
export async function loadGenerations(em: EntityManager, ids: readonly string[]): Promise<GenerationRow[]> {
  const { rows } = await sql<{ id: string; state: Generation; position: string }>`
    SELECT id, state, position FROM ${sql.table(`${em.schema}.generations`)} WHERE id = ANY (${ids}::uuid[])`.execute(
    em.getKysely(),
  );
  return rows.map(({ id, state, position }) => ({ id, state, position: Number(position) }));
}

/** Writes rows, new or changed, in one statement. Who asked, for what and when cannot change. */
export async function upsertGenerations(em: EntityManager, rows: readonly GenerationRow[]): Promise<void> {
  await sql`
    INSERT INTO ${sql.table(`${em.schema}.generations`)} (
      id, user_id, status, model_id, created_at, scheduled_at, completed_at, batch_id, metadata, version, position, state
    )
    SELECT
      id,
      state #>> '{request,user_id}',
      state ->> 'status',
      state #>> '{request,model_id}',
      (state ->> 'createdAt')::timestamptz,
      (state #>> '{request,scheduled_at}')::timestamptz,
      (state ->> 'completedAt')::timestamptz,
      state #>> '{request,batch_id}',
      state #> '{request,metadata}',
      (state ->> 'version')::integer,
      position,
      state
    FROM jsonb_to_recordset(${storableJson(rows)}::jsonb) AS row (id uuid, state jsonb, position bigint)
    ON CONFLICT (id) DO UPDATE SET
      status = excluded.status,
      scheduled_at = excluded.scheduled_at,
      completed_at = excluded.completed_at,
      metadata = excluded.metadata,
      version = excluded.version,
      position = excluded.position,
      state = excluded.state`.execute(em.getKysely());
}

/** The order in which `generationLine` gives the columns. */
export const GENERATION_COLUMNS =
  'id, user_id, status, model_id, created_at, scheduled_at, completed_at, batch_id, metadata, version, position, state';

/** A row for COPY: the same as `upsertGenerations` writes, several times as fast. */
export function generationLine({ id, state, position }: GenerationRow): string {
  const { request } = state;
  return copyLine([
    id,
    storableText(request.user_id),
    state.status,
    storableText(request.model_id),
    state.createdAt,
    request.scheduled_at,
    state.completedAt,
    request.batch_id === null ? null : storableText(request.batch_id),
    storableJson(request.metadata),
    state.version,
    position,
    storableJson(state),
  ]);
}
