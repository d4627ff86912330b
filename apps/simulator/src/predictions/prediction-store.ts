import { Injectable } from '@nestjs/common';
import type { PredictionRecord } from './prediction.js';

const PAGE_SIZE = 100;

export interface PredictionFilter {
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
}

export interface PredictionPage {
  readonly records: readonly PredictionRecord[];
  /** Position to go on from, or undefined at the end. */
  readonly next: number | undefined;
}

/** All predictions since the start or the last reset, in memory only. */
@Injectable()
export class PredictionStore {
  readonly #inOrder: PredictionRecord[] = [];
  readonly #byId = new Map<string, PredictionRecord>();

  add(record: PredictionRecord): void {
    this.#inOrder.push(record);
    this.#byId.set(record.id, record);
  }

  find(id: string): PredictionRecord | undefined {
    return this.#byId.get(id);
  }

  all(): readonly PredictionRecord[] {
    return this.#inOrder;
  }

  /** Newest first. Creations between two pages do not move what the second holds. */
  page({ createdAfter, createdBefore }: PredictionFilter, before = this.#inOrder.length): PredictionPage {
    const records: PredictionRecord[] = [];
    for (let position = Math.min(before, this.#inOrder.length) - 1; position >= 0; position -= 1) {
      const record = this.#inOrder[position];
      if (!record || (createdAfter && record.createdAt < createdAfter)) break;
      if (createdBefore && record.createdAt >= createdBefore) continue;
      if (records.length === PAGE_SIZE) return { records, next: position + 1 };
      records.push(record);
    }
    return { records, next: undefined };
  }

  clear(): void {
    this.#inOrder.length = 0;
    this.#byId.clear();
  }
}
