import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { copyLine } from '../database/copy.js';
import { storableJson, storableText } from '../database/storable.js';
import type { ImageRow } from './images.projection.js';

/** Writes images in one statement. An image that is there already (a redrive that stored it again) is replaced. */
export async function upsertImages(em: EntityManager, rows: readonly ImageRow[]): Promise<void> {
  if (rows.length === 0) return;
  const latest = [...new Map(rows.map((row) => [row.id, row])).values()];
  await sql`
    INSERT INTO ${sql.table(`${em.schema}.images`)} (
      id, generation_id, user_id, model_id, index, storage_key, format, content_type,
      width, height, bytes, sha256, blurhash, created_at, position
    )
    SELECT
      id, generation_id, user_id, model_id, index, storage_key, format, content_type,
      width, height, bytes, sha256, blurhash, created_at, position
    FROM jsonb_to_recordset(${storableJson(latest)}::jsonb) AS row (
      id uuid, generation_id uuid, user_id text, model_id text, index integer, storage_key text, format text,
      content_type text, width integer, height integer, bytes bigint, sha256 text, blurhash text,
      created_at timestamptz, position bigint
    )
    ON CONFLICT (id) DO UPDATE SET
      storage_key = excluded.storage_key,
      format = excluded.format,
      content_type = excluded.content_type,
      width = excluded.width,
      height = excluded.height,
      bytes = excluded.bytes,
      sha256 = excluded.sha256,
      blurhash = excluded.blurhash,
      created_at = excluded.created_at,
      position = excluded.position`.execute(em.getKysely());
}

/** The order in which `imageLine` gives the columns. */
export const IMAGE_COLUMNS =
  'id, generation_id, user_id, model_id, index, storage_key, format, content_type, ' +
  'width, height, bytes, sha256, blurhash, created_at, position';

/** A row for COPY: the same as `upsertImages` writes, several times as fast. */
export function imageLine(row: ImageRow): string {
  return copyLine([
    row.id,
    row.generation_id,
    storableText(row.user_id),
    storableText(row.model_id),
    row.index,
    storableText(row.storage_key),
    storableText(row.format),
    storableText(row.content_type),
    row.width,
    row.height,
    row.bytes,
    storableText(row.sha256),
    storableText(row.blurhash),
    row.created_at,
    row.position,
  ]);
}
