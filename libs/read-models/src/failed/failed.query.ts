import type { EntityManager } from '@mikro-orm/postgresql';
import type { FailureCode, Stage } from '@darkroom/domain';
import { sql } from 'kysely';
import { orUnavailable } from '../database/unavailable.js';

/** All given ones must hold. */
export interface FailedFilters {
  /** ISO 8601 UTC: failed then or later. */
  readonly since?: string;
  readonly code?: FailureCode;
  readonly stage?: Stage;
}

export interface FailedGeneration {
  readonly id: string;
  readonly code: FailureCode;
  readonly stage: Stage;
  /** ISO 8601 UTC. */
  readonly failedAt: string;
}

export interface FailedCount {
  readonly stage: Stage;
  readonly code: FailureCode;
  readonly count: number;
}

/** Generations that are failed now: not those that were redriven since. */
export class FailedQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /**
   * A page in the order of ids, as far as the projection has come.
   * @param after id of the last one of the page before; null for the first
   * @throws ReadModelUnavailable
   */
  async page(filters: FailedFilters, after: string | null, limit: number): Promise<readonly FailedGeneration[]> {
    const { rows } = await orUnavailable(() =>
      sql<Omit<FailedGeneration, 'failedAt'> & { failed_at: Date }>`
        SELECT id, state #>> '{error,code}' AS code, state #>> '{error,stage}' AS stage, completed_at AS failed_at
        ${this.#failed(filters)}
          AND (${after}::uuid IS NULL OR id > ${after}::uuid)
        ORDER BY id
        LIMIT ${limit}`.execute(this.em.fork().getKysely()),
    );
    return rows.map(({ failed_at, ...row }) => ({ ...row, failedAt: new Date(failed_at).toISOString() }));
  }

  /** How many there are, by why; the most frequent first. @throws ReadModelUnavailable */
  async counts(filters: FailedFilters): Promise<readonly FailedCount[]> {
    const { rows } = await orUnavailable(() =>
      sql<Omit<FailedCount, 'count'> & { count: string }>`
        SELECT state #>> '{error,stage}' AS stage, state #>> '{error,code}' AS code, count(*) AS count
        ${this.#failed(filters)}
        GROUP BY 1, 2
        ORDER BY 3 DESC, 2, 1`.execute(this.em.fork().getKysely()),
    );
    return rows.map((row) => ({ ...row, count: Number(row.count) }));
  }

  #failed(filters: FailedFilters) {
    const { since = null, code = null, stage = null }: Partial<Record<keyof FailedFilters, string | null>> = filters;
    return sql`
      FROM ${sql.table(`${this.schema}.generations`)}
      WHERE status = 'failed'
        AND (${since}::timestamptz IS NULL OR completed_at >= ${since}::timestamptz)
        AND (${code}::text IS NULL OR state #>> '{error,code}' = ${code})
        AND (${stage}::text IS NULL OR state #>> '{error,stage}' = ${stage})`;
  }
}
