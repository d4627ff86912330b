import type { RecordedEvent } from '@darkroom/events';
import type { GenerationRow } from '../generations/generations.projection.js';

/** A generation in memory. */
export interface CachedRow {
  row: GenerationRow;
  /** Whether the table holds an older state of it. */
  stored: boolean;
  /** Touched since the cache looked last: it has a second chance before it is taken out. */
  recent: boolean;
  /** Estimate of its memory, bytes. */
  readonly weight: number;
}

/** What a state takes besides the texts of its request: keys, times, attempts, command ids, images. */
const BASE_WEIGHT = 4_000;

/**
 * The states that a rebuild works on; those that are too many are given back, longest untouched first or nearly so. (To
 * keep the exact order would mean to move an entry with every event, and costs more than the folding.)
 */
export class StateCache {
  private readonly rows = new Map<string, CachedRow>();
  private weight = 0;

  /** @param limit bytes, by estimate */
  constructor(private readonly limit: number) {}

  get(id: string): CachedRow | undefined {
    return this.rows.get(id);
  }

  /** @param entry of a generation that is not in here */
  add(entry: CachedRow): void {
    this.rows.set(entry.row.id, entry);
    this.weight += entry.weight;
  }

  delete(entry: CachedRow): void {
    if (this.rows.delete(entry.row.id)) this.weight -= entry.weight;
  }

  /** Takes out what is above the limit. */
  *evict(): Iterable<CachedRow> {
    for (const entry of this.rows.values()) {
      if (this.weight <= this.limit) return;
      this.delete(entry);
      if (!entry.recent) {
        yield entry;
        continue;
      }
      entry.recent = false;
      this.add(entry);
    }
  }

  /** Takes out everything. */
  *drain(): Iterable<CachedRow> {
    yield* this.rows.values();
    this.rows.clear();
    this.weight = 0;
  }
}

/** Estimate of the memory that the state of a generation takes, from its request. Bytes. */
export function weightOf(event: RecordedEvent): number {
  return BASE_WEIGHT + 2 * textLength(event.data);
}

function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const key in value) length += key.length + textLength((value as Record<string, unknown>)[key]);
  return length;
}
