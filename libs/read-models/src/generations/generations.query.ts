import type { Status } from '@darkroom/domain';
import type { Position } from '@darkroom/events';
import { raw, type EntityManager, type FilterQuery, type InferEntity } from '@mikro-orm/postgresql';
import { loadCheckpoint } from '../checkpoint/checkpoint.js';
import { storableJson, storableText } from '../database/storable.js';
import { inTransaction } from '../database/transaction.js';
import { orUnavailable } from '../database/unavailable.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { GenerationRow } from './generations.projection.js';
import { GenerationTable } from './generations.table.js';

type Condition = FilterQuery<InferEntity<typeof GenerationTable>>;

/** All given ones must hold. Times are ISO 8601 UTC, exclusive. */
export interface GenerationFilters {
  /** As it is shown at `now`: a schedule that has come due is queued. */
  readonly status?: Status;
  readonly modelId?: string;
  readonly createdAfter?: string;
  readonly createdBefore?: string;
  readonly batchId?: string;
  /** Every entry must be in the generation's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListRequest {
  /** Whose generations; null for everybody's (operators). */
  readonly userId: string | null;
  readonly filters?: GenerationFilters;
  /** Rows of a page. */
  readonly limit: number;
  /** `nextCursor` of the page before; null for the first. */
  readonly cursor: string | null;
  /** ISO 8601 UTC. */
  readonly now: string;
}

export interface GenerationPage {
  readonly rows: readonly GenerationRow[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
  /** The log is reflected up to here: read in the same snapshot as the rows. */
  readonly position: Position;
}

export class GenerationsQuery {
  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /**
   * One page, newest first: ordered by time of creation, then id. What was there when paging began comes exactly once,
   * however many are accepted meanwhile.
   * @throws BadCursor, ReadModelUnavailable
   */
  async list({ userId, filters = {}, limit, cursor, now }: ListRequest): Promise<GenerationPage> {
    const conditions = [...filterConditions(filters, now)];
    if (userId !== null) conditions.push({ userId: storableText(userId) });
    if (cursor !== null) {
      const { createdAt, id } = decodeCursor(cursor);
      conditions.push(matching('(??, ??) < (?::timestamptz, ?::uuid)', ['created_at', 'id'], [createdAt, id]));
    }

    const { found, position } = await this.snapshot(async (em) => ({
      found: await em.find(
        GenerationTable,
        { $and: conditions },
        {
          fields: ['id', 'state', 'position'],
          orderBy: { createdAt: 'desc', id: 'desc' },
          limit: limit + 1,
          disableIdentityMap: true,
        },
      ),
      position: (await loadCheckpoint(em))?.position ?? 0,
    }));

    const rows = found.slice(0, limit).map(({ id, state, position }) => ({ id, state, position }));
    const last = found.length > limit ? rows.at(-1) : undefined;
    return {
      rows,
      nextCursor: last ? encodeCursor({ createdAt: last.state.createdAt, id: last.id }) : null,
      position,
    };
  }

  /** Both reads of a page must see the same moment. */
  private snapshot<T>(read: (em: EntityManager) => Promise<T>): Promise<T> {
    const em = this.em.fork({ schema: this.schema });
    return orUnavailable(() => inTransaction(em, read, { isolation: 'repeatable read', readOnly: true }));
  }
}

function* filterConditions(filters: GenerationFilters, now: string): Iterable<Condition> {
  const { status, modelId, createdAfter, createdBefore, batchId, metadata } = filters;
  if (status !== undefined) yield statusCondition(status, now);
  if (modelId !== undefined) yield { modelId: storableText(modelId) };
  if (batchId !== undefined) yield { batchId: storableText(batchId) };
  if (createdAfter !== undefined) yield { createdAt: { $gt: new Date(createdAfter) } };
  if (createdBefore !== undefined) yield { createdAt: { $lt: new Date(createdBefore) } };
  if (metadata !== undefined) yield matching('?? @> ?::jsonb', ['metadata'], [storableJson(metadata)]);
}

/** What domain's `statusAt` says of a schedule that has come due, for Postgres. */
function statusCondition(status: Status, now: string): Condition {
  const at = new Date(now);
  if (status === 'scheduled') return { status, scheduledAt: { $gt: at } };
  if (status === 'queued') return { $or: [{ status }, { status: 'scheduled', scheduledAt: { $lte: at } }] };
  return { status };
}

/** A condition that the query builder has no words for. `??` takes a column, `?` a value. */
function matching(condition: string, columns: readonly string[], values: readonly string[]): Condition {
  const key = raw(
    (alias) => columns.reduce((text, column) => text.replace('??', `"${alias}"."${column}"`), condition),
    values,
  );
  return { [key]: [] };
}
