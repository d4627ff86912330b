import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { storableText } from '../database/storable.js';
import { orUnavailable } from '../database/unavailable.js';

export const USAGE_GROUPS = ['day', 'model', 'user'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

const COLUMN = { day: 'day', model: 'model_id', user: 'user_id' } as const satisfies Record<UsageGroup, string>;

export interface UsageRequest {
  /** Whose; null for everybody's (operators). */
  readonly userId: string | null;
  /** UTC dates (`2026-01-31`), both included. */
  readonly from: string;
  readonly to: string;
  readonly by: UsageGroup;
}

/** Sums over the days asked for. `key` is a UTC date, a model id or a user id, as grouped; amounts in US dollars. */
export interface Usage {
  readonly key: string;
  readonly requested: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly images: number;
  readonly bytes: number;
  readonly costUsd: number;
}

export class UsageQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /** In the order of their keys. @throws ReadModelUnavailable */
  async usage({ userId, from, to, by }: UsageRequest): Promise<Usage[]> {
    const key = sql.ref(COLUMN[by]);
    const { rows } = await orUnavailable(() =>
      sql<Usage>`
        SELECT
          ${key}::text AS key,
          sum(requested)::float8 AS requested,
          sum(completed)::float8 AS completed,
          sum(failed)::float8 AS failed,
          sum(cancelled)::float8 AS cancelled,
          sum(images)::float8 AS images,
          sum(bytes)::float8 AS bytes,
          sum(cost_usd)::float8 AS "costUsd"
        FROM ${sql.table(`${this.schema}.usage_daily`)}
        WHERE day BETWEEN ${from}::date AND ${to}::date
          AND (${userId === null}::boolean OR user_id = ${userId === null ? '' : storableText(userId)})
        GROUP BY ${key}
        ORDER BY ${key}`.execute(this.em.fork().getKysely()),
    );
    return rows;
  }
}
