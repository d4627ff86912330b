import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { loadCheckpoint, type Checkpoint } from '../checkpoint/checkpoint.js';
import { MIGRATIONS } from './migrations/index.js';
import { orUnavailable } from './unavailable.js';

export interface TablesState {
  /** Of this release, that were not applied yet. */
  readonly missingMigrations: readonly string[];
  /** That were applied and that this release does not know: a newer one was here. */
  readonly unknownMigrations: readonly string[];
  /** Null before the first event was projected. */
  readonly checkpoint: Checkpoint | null;
}

/** @throws ReadModelUnavailable also when there are no tables yet */
export async function inspectTables(em: EntityManager, schema: string): Promise<TablesState> {
  return orUnavailable(async () => {
    const fork = em.fork({ schema });
    const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(`${schema}.migrations`)}`.execute(
      fork.getKysely(),
    );
    const applied = new Set(rows.map(({ name }) => name));
    const ours = MIGRATIONS.map((migration) => nameOf(migration));
    return {
      missingMigrations: ours.filter((name) => !applied.has(name)),
      unknownMigrations: [...applied].filter((name) => !ours.includes(name)),
      checkpoint: await loadCheckpoint(fork),
    };
  });
}

/** A migration's name is a field of its instances; making one connects to nothing. */
function nameOf(Migration: (typeof MIGRATIONS)[number]): string {
  return new Migration(undefined as never, undefined as never).name;
}
