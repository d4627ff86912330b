import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { orUnavailable } from '../database/unavailable.js';

/** The old system's figure: so long an attempt may take before somebody has to look. Milliseconds. */
const STUCK_AFTER_MS = 10 * 60_000;

/** A worker gives an attempt up at its deadline; whose clock is behind does so a little later. Milliseconds. */
const DEADLINE_MARGIN_MS = 60_000;

/**
 * Generations whose attempt in hand should have ended long ago. A prediction may be allowed to take up to 30 minutes,
 * so an attempt is stuck when it began more than ten minutes ago and is past its own deadline too. What waits in a queue
 * is not stuck, however long: the depth and the age of the queues tell that.
 */
export class StuckQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /** How many there are, as far as the projection has come. @param now ISO 8601 UTC @throws ReadModelUnavailable */
  async count(now: string): Promise<number> {
    const startedBefore = new Date(Date.parse(now) - STUCK_AFTER_MS);
    const dueBefore = new Date(Date.parse(now) - DEADLINE_MARGIN_MS);
    const { rows } = await orUnavailable(() =>
      sql<{ count: string }>`
        SELECT count(*) AS count
        FROM ${sql.table(`${this.schema}.generations`)}
        WHERE status IN ('processing', 'downloading')
          AND (state #>> '{current,startedAt}')::timestamptz < ${startedBefore}
          AND coalesce((state #>> '{current,deadline}')::timestamptz < ${dueBefore}, true)`.execute(
        this.em.fork().getKysely(),
      ),
    );
    return Number(rows[0]!.count);
  }
}
