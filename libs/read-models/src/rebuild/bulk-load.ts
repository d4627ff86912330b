import type { Position, RecordedEvent } from '@darkroom/events';
import { projectGeneration, type GenerationRow } from '../generations/generations.projection.js';
import { imagesOf, type ImageRow } from '../images/images.projection.js';
import { ProjectionError } from '../projector/projection-error.js';
import { usageOf } from '../usage/usage.projection.js';
import { StateCache, weightOf, type CachedRow } from './state-cache.js';
import { UsageSums } from './usage-sums.js';
import type { TableWriter } from './table-writer.js';

/** Rows that are written at once, by their estimated memory. Bytes. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** Deltas of usage that are written at once. */
const WINDOW_USAGE = 5_000;

/**
 * Folds the log into empty tables: every generation in memory, until it is over or the cache is full, and written then,
 * so that most are written once. What comes back later is read from the table and written again. Events are folded
 * while Postgres writes what came before.
 */
export class BulkLoad {
  private readonly cache: StateCache;
  private readonly usage = new UsageSums();
  private ended: CachedRow[] = [];
  private leaving: CachedRow[] = [];
  private leavingWeight = 0;
  private images = new Map<string, ImageRow>();
  private replacedImages: string[] = [];
  private writing: Promise<void> = Promise.resolve();
  /** Of the last event that was folded. */
  position: Position = 0;
  events = 0;
  generations = 0;

  /** @param cacheBytes how much memory the states may take, by estimate */
  constructor(
    private readonly writer: TableWriter,
    cacheBytes: number,
  ) {
    this.cache = new StateCache(cacheBytes);
  }

  /** @throws ProjectionError `poison_event` */
  async add(events: readonly RecordedEvent[]): Promise<void> {
    for (const [index, event] of events.entries()) {
      if (event.position <= this.position) continue;
      let entry = this.cache.get(event.generationId);
      if (!entry && event.version > 1) {
        await this.recall(events.slice(index));
        entry = this.cache.get(event.generationId);
      }
      this.fold(event, entry);
    }
    for (const entry of this.ended) if (isOver(entry.row)) this.retire(entry);
    this.ended = [];
    for (const entry of this.cache.evict()) this.leave(entry);
    if (this.leavingWeight > WINDOW_BYTES || this.usage.size > WINDOW_USAGE) await this.flush();
  }

  /** Writes what is still in memory, and waits until all is written. */
  async finish(): Promise<void> {
    for (const entry of this.cache.drain()) {
      this.leave(entry);
      if (this.leavingWeight > WINDOW_BYTES) await this.flush();
    }
    await this.flush();
    await this.writing;
  }

  private fold(event: RecordedEvent, known: CachedRow | undefined): void {
    try {
      const row = projectGeneration(known?.row ?? null, event);
      if (event.type === 'Downloaded') this.addImages(event, row, known?.row ?? null);
      const delta = usageOf(event, row);
      if (delta) this.usage.add(delta);
      if (known) {
        known.row = row;
        known.recent = true;
        if (isOver(row)) this.ended.push(known);
      } else {
        this.cache.add({ row, stored: false, recent: true, weight: weightOf(event) });
      }
    } catch (error) {
      throw poison(event, error);
    }
    if (event.version === 1) this.generations++;
    this.events++;
    this.position = event.position;
  }

  private addImages(event: RecordedEvent, row: GenerationRow, before: GenerationRow | null): void {
    const again = before !== null && before.state.images.length > 0;
    for (const image of imagesOf(event, row)) {
      this.images.set(image.id, image);
      if (again) this.replacedImages.push(image.id);
    }
  }

  private retire(entry: CachedRow): void {
    this.cache.delete(entry);
    this.leave(entry);
  }

  private leave(entry: CachedRow): void {
    this.leaving.push(entry);
    this.leavingWeight += entry.weight;
  }

  /** Brings back the states that these events need and the cache does not hold. */
  private async recall(events: readonly RecordedEvent[]): Promise<void> {
    const missing = new Set<string>();
    for (const { generationId } of events) if (!this.cache.get(generationId)) missing.add(generationId);
    await this.flush();
    await this.writing;
    for (const { row, weight } of await this.writer.load([...missing])) {
      this.cache.add({ row, weight, stored: true, recent: true });
    }
  }

  /** Hands over what is to be written, once the writing before is done: two windows are in memory at most. */
  private async flush(): Promise<void> {
    await this.writing;
    const window = {
      rows: this.leaving.map(({ row }) => row),
      replacedRows: this.leaving.filter(({ stored }) => stored).map(({ row }) => row.id),
      images: [...this.images.values()],
      replacedImages: this.replacedImages,
      usage: this.usage.take(),
    };
    this.leaving = [];
    this.leavingWeight = 0;
    this.images = new Map();
    this.replacedImages = [];
    this.writing = this.writer.write(window);
    // Whoever waits for it next sees its failure; until then it is nobody's unhandled rejection.
    this.writing.catch(() => undefined);
  }
}

/** Whether no event is to be expected any more. A failed generation may be redriven: it stays while there is room. */
function isOver({ state }: GenerationRow): boolean {
  return state.status === 'completed' || state.status === 'cancelled';
}

function poison({ position, type, generationId }: RecordedEvent, cause: unknown): ProjectionError {
  return new ProjectionError(
    'poison_event',
    `The event at position ${position} (${type} of generation ${generationId}) cannot be projected: ` +
      (cause as Error).message,
    { cause },
  );
}
