import type { EntityManager } from '@mikro-orm/postgresql';
import { DatabaseError } from 'pg';
import { isDataError } from '../database/unavailable.js';
import type { GenerationRow } from '../generations/generations.projection.js';
import { GENERATION_COLUMNS, generationLine, loadGenerations } from '../generations/generations.table.js';
import type { ImageRow } from '../images/images.projection.js';
import { IMAGE_COLUMNS, imageLine } from '../images/images.table.js';
import { ProjectionError } from '../projector/projection-error.js';
import type { UsageDelta } from '../usage/usage.projection.js';
import { addUsage } from '../usage/usage.table.js';
import type { RebuildSession } from './rebuild-session.js';

export interface Window {
  readonly rows: readonly GenerationRow[];
  /** Ids of those of which the table holds an older state. */
  readonly replacedRows: readonly string[];
  readonly images: readonly ImageRow[];
  readonly replacedImages: readonly string[];
  readonly usage: readonly UsageDelta[];
}

/** Writes into the tables of a rebuild, which nobody else reads or writes: by COPY, and without transactions. */
export class TableWriter {
  constructor(
    private readonly session: RebuildSession,
    /** Bound to the schema that is filled. */
    private readonly em: EntityManager,
  ) {}

  /** @throws ProjectionError `poison_event` */
  async write({ rows, replacedRows, images, replacedImages, usage }: Window): Promise<void> {
    await this.remove('generations', replacedRows);
    await this.copy('generations', GENERATION_COLUMNS, rows, generationLine);
    await this.remove('images', replacedImages);
    await this.copy('images', IMAGE_COLUMNS, images, imageLine);
    await addUsage(this.em.fork(), usage);
  }

  /** The rows that are there, with an estimate of their memory in bytes. */
  async load(ids: readonly string[]): Promise<{ row: GenerationRow; weight: number }[]> {
    const rows = await loadGenerations(this.em.fork(), ids);
    return rows.map((row) => ({ row, weight: 2 * JSON.stringify(row.state).length }));
  }

  private async remove(table: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.session.query(`DELETE FROM ${this.em.schema}.${table} WHERE id = ANY ($1::uuid[])`, [ids]);
  }

  private async copy<T extends { readonly id: string; readonly position: number }>(
    table: string,
    columns: string,
    rows: readonly T[],
    lineOf: (row: T) => string,
  ): Promise<void> {
    if (rows.length === 0) return;
    let lines = '';
    for (const row of rows) lines += lineOf(row);
    try {
      await this.session.copy(`${this.em.schema}.${table}`, columns, lines);
    } catch (error) {
      if (!isDataError(error)) throw error;
      throw refused(error, table, rows);
    }
  }
}

/** COPY names the line that it stumbles over, in the context of its error. */
function refused(error: unknown, table: string, rows: readonly { id: string; position: number }[]): ProjectionError {
  const line = error instanceof DatabaseError ? /^COPY \w+, line (\d+)/m.exec(error.where ?? '')?.[1] : undefined;
  const row = line === undefined ? undefined : rows[Number(line) - 1];
  return new ProjectionError(
    'poison_event',
    `PostgreSQL refuses ${row ? `row ${row.id}, as it is after position ${row.position},` : 'a row'} of ${table}: ` +
      (error as Error).message,
    { cause: error },
  );
}
