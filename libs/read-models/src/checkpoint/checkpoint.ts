import { defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import type { Position } from '@darkroom/events';
import { sql } from 'kysely';

/** All read models advance together, in one transaction: one checkpoint stands for them. */
export const PROJECTION = 'read_models';

/** How far a projection has come, and in which log. */
export interface Checkpoint {
  readonly logId: string;
  readonly position: Position;
}

export const CheckpointTable = defineEntity({
  name: 'Checkpoint',
  tableName: 'projection_checkpoint',
  schema: '*',
  properties: {
    projection: p.text().primary(),
    logId: p.text(),
    position: p.bigint('number'),
    updatedAt: p.datetime(),
  },
});

/** Null before the first event was projected. `em` is bound to the schema to read. */
export async function loadCheckpoint(em: EntityManager): Promise<Checkpoint | null> {
  const row = await em.findOne(CheckpointTable, { projection: PROJECTION }, { disableIdentityMap: true });
  return row && { logId: row.logId, position: row.position };
}

/** The checkpoint of a projection that begins; another's, when it was faster. */
export async function createCheckpoint(em: EntityManager, logId: string): Promise<void> {
  await sql`
    INSERT INTO ${sql.table(`${em.schema}.projection_checkpoint`)} (projection, log_id, position, updated_at)
    VALUES (${PROJECTION}, ${logId}, 0, now())
    ON CONFLICT (projection) DO NOTHING`.execute(em.getKysely());
}

/**
 * Moves the checkpoint on if it still stands where `from` says; false when another projector was there first. Called
 * before the rows are read: its row lock keeps a second projector out until this transaction ends.
 */
export async function advanceCheckpoint(em: EntityManager, from: Checkpoint, to: Position): Promise<boolean> {
  const { numAffectedRows } = await sql`
    UPDATE ${sql.table(`${em.schema}.projection_checkpoint`)}
    SET position = ${to}, updated_at = now()
    WHERE projection = ${PROJECTION} AND log_id = ${from.logId} AND position = ${from.position}`.execute(
    em.getKysely(),
  );
  return numAffectedRows === 1n;
}
