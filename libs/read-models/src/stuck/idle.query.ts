import type { EntityManager } from '@mikro-orm/postgresql';
import type { Position } from '@darkroom/events';
import { sql } from 'kysely';
import { orUnavailable } from '../database/unavailable.js';

export interface IdleRequest {
  /** Of those whose last event stands before this position. */
  readonly before: Position;
  /** Id of the last one of the page before; null for the first. */
  readonly after: string | null;
  readonly limit: number;
}

/** Generations that have not ended and to which nothing has happened for a while. */
export class IdleQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /** Their ids, a page in the order of ids, as far as the projection has come. @throws ReadModelUnavailable */
  async page({ before, after, limit }: IdleRequest): Promise<readonly string[]> {
    const { rows } = await orUnavailable(() =>
      sql<{ id: string }>`
        SELECT id
        FROM ${sql.table(`${this.schema}.generations`)}
        WHERE status IN ('scheduled', 'queued', 'processing', 'downloading')
          AND position < ${before}
          AND (${after}::uuid IS NULL OR id > ${after}::uuid)
        ORDER BY id
        LIMIT ${limit}`.execute(this.em.fork().getKysely()),
    );
    return rows.map(({ id }) => id);
  }
}
