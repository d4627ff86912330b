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

/** All predictions since the first start on the data folder or the last reset, in the order of their creation. */
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

  /**
   * Newest first, without those that `now` is too early for. Creations between two pages do not move what the second
   * holds. Takes time by the length of the page, not of the list.
   */
  page({ createdAfter, createdBefore }: PredictionFilter, now: Date, before = this.#inOrder.length): PredictionPage {
    const records: PredictionRecord[] = [];
    const end = Math.min(before, createdBefore ? this.#countBefore(createdBefore) : this.#inOrder.length);
    for (let position = end - 1; position >= 0; position -= 1) {
      const record = this.#inOrder[position];
      if (!record || (createdAfter && record.createdAt < createdAfter)) break;
      if (record.listedAt && record.listedAt > now) continue;
      if (records.length === PAGE_SIZE) return { records, next: position + 1 };
      records.push(record);
    }
    return { records, next: undefined };
  }

  /** How many were created before `time`. */
  #countBefore(time: Date): number {
    let [low, high] = [0, this.#inOrder.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#inOrder[middle]!.createdAt < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  clear(): void {
    this.#inOrder.length = 0;
    this.#byId.clear();
  }
}
