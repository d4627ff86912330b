import type { Generation } from '@darkroom/domain';
import type { ProgressNews } from '@darkroom/events';

/** Generations of which the progress is kept: more than run at once. */
const MOST_KEPT = 10_000;

/** The last that was heard of each generation's progress; the longest unheard-of is forgotten first. */
export class LatestProgress {
  readonly #latest = new Map<string, ProgressNews>();

  constructor(private readonly capacity = MOST_KEPT) {}

  /** False for what is not new: another attempt that is over, or no step forward. */
  hear(news: ProgressNews): boolean {
    const known = this.#latest.get(news.generationId);
    if (known && (news.fence < known.fence || (news.fence === known.fence && news.progress <= known.progress))) {
      return false;
    }
    this.#latest.delete(news.generationId);
    this.#latest.set(news.generationId, news);
    const [oldest] = this.#latest.keys();
    if (this.#latest.size > this.capacity && oldest !== undefined) this.#latest.delete(oldest);
    return true;
  }

  /** Per cent, of the attempt that the generation has in hand. */
  of(generationId: string, { current }: Generation): number | undefined {
    const known = this.#latest.get(generationId);
    return current && known?.fence === current.fence ? known.progress : undefined;
  }

  forget(generationId: string): void {
    this.#latest.delete(generationId);
  }
}
