import type { EntityManager } from '@mikro-orm/postgresql';
import type { Generation } from '@darkroom/domain';
import { sql } from 'kysely';
import { orUnavailable } from '../database/unavailable.js';

/** The old system's figure: so long an attempt may take before somebody has to look. Milliseconds. */
const STUCK_AFTER_MS = 10 * 60_000;

/** A worker gives an attempt up at its deadline; whose clock is behind does so a little later. Milliseconds. */
const DEADLINE_MARGIN_MS = 60_000;

export interface StuckGeneration {
  readonly id: string;
  readonly state: Generation;
}

/**
 * Generations that make no progress and will not by themselves: those whose attempt in hand should have ended long ago,
 * and those that the sweeper has given up on. A prediction may be allowed to take up to 30 minutes, so an attempt is
 * stuck when it began more than ten minutes ago and is past its own deadline too. What waits in a queue is not stuck,
 * however long: the depth and the age of the queues tell that. What is in no queue is sent on by the sweeper; only what
 * it has sent on to no avail is stuck (SweepRecords).
 */
export class StuckQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /**
   * How many there are, as far as the projection has come.
   * @param now ISO 8601 UTC
   * @param givenUp ids of those that the sweeper has given up on; those that have ended since are left out
   * @throws ReadModelUnavailable
   */
  async count(now: string, givenUp: readonly string[] = []): Promise<number> {
    const { rows } = await orUnavailable(() =>
      sql<{ count: string }>`SELECT count(*) AS count ${this.#stuck(now, givenUp)}`.execute(this.em.fork().getKysely()),
    );
    return Number(rows[0]!.count);
  }

  /** The first of them, oldest first. @throws ReadModelUnavailable */
  async list(now: string, givenUp: readonly string[], limit: number): Promise<readonly StuckGeneration[]> {
    const { rows } = await orUnavailable(() =>
      sql<StuckGeneration>`SELECT id, state ${this.#stuck(now, givenUp)} ORDER BY created_at, id LIMIT ${limit}`.execute(
        this.em.fork().getKysely(),
      ),
    );
    return rows;
  }

  #stuck(now: string, givenUp: readonly string[]) {
    const startedBefore = new Date(Date.parse(now) - STUCK_AFTER_MS);
    const dueBefore = new Date(Date.parse(now) - DEADLINE_MARGIN_MS);
    return sql`
      FROM ${sql.table(`${this.schema}.generations`)}
      WHERE status IN ('scheduled', 'queued', 'processing', 'downloading')
        AND (
          id = ANY (${givenUp}::uuid[])
          OR (
            status IN ('processing', 'downloading')
            AND (state #>> '{current,startedAt}')::timestamptz < ${startedBefore}
            AND coalesce((state #>> '{current,deadline}')::timestamptz < ${dueBefore}, true)
          )
        )`;
  }
}
