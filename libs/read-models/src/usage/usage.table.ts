import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { storableJson } from '../database/storable.js';
import type { UsageDelta } from './usage.projection.js';

/**
 * Adds to the days' usage in one statement. Postgres does the sums: its numeric adds dollars exactly, so the result
 * does not depend on how events fell into batches, and a rebuild gives the same to the last digit.
 */
export async function addUsage(em: EntityManager, deltas: readonly UsageDelta[]): Promise<void> {
  if (deltas.length === 0) return;
  await sql`
    INSERT INTO ${sql.table(`${em.schema}.usage_daily`)} AS usage (
      day, user_id, model_id, requested, completed, failed, cancelled, images, bytes, cost_usd
    )
    SELECT
      day, user_id, model_id,
      coalesce(sum(requested), 0), coalesce(sum(completed), 0), coalesce(sum(failed), 0), coalesce(sum(cancelled), 0),
      coalesce(sum(images), 0), coalesce(sum(bytes), 0), coalesce(sum(cost_usd), 0)
    FROM jsonb_to_recordset(${storableJson(deltas)}::jsonb) AS delta (
      day date, user_id text, model_id text, requested bigint, completed bigint, failed bigint, cancelled bigint,
      images bigint, bytes bigint, cost_usd numeric
    )
    GROUP BY day, user_id, model_id
    ON CONFLICT (day, user_id, model_id) DO UPDATE SET
      requested = usage.requested + excluded.requested,
      completed = usage.completed + excluded.completed,
      failed = usage.failed + excluded.failed,
      cancelled = usage.cancelled + excluded.cancelled,
      images = usage.images + excluded.images,
      bytes = usage.bytes + excluded.bytes,
      cost_usd = usage.cost_usd + excluded.cost_usd`.execute(em.getKysely());
}
