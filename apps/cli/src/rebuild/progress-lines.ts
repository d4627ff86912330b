import type { RebuildPhase, RebuildProgress, RebuildReport } from '@darkroom/read-models';

const EVERY_MS = 1_000;

const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** What an operator is told of a rebuild: a line a second, and one for each new phase. */
export class ProgressLines {
  private phase: RebuildPhase | null = null;
  private began = 0;
  private toldAt = 0;

  /** @param now milliseconds of any clock; answers null when nothing is to be said yet */
  next({ phase, position, last }: RebuildProgress, now: number): string | null {
    if (phase === this.phase && now - this.toldAt < EVERY_MS) return null;
    if (this.phase === null) this.began = now;
    this.phase = phase;
    this.toldAt = now;
    if (phase === 'indexing') return 'loaded; making the indexes';
    if (phase === 'swapping') return 'projecting what came meanwhile, then swapping the tables';

    const seconds = (now - this.began) / 1_000;
    const progress = `loading ${percent(position, last)}, ${count.format(position)} of ${count.format(last)} events`;
    if (seconds === 0) return progress;
    const perSecond = position / seconds;
    const left = Math.ceil((last - position) / perSecond);
    return `${progress}, ${count.format(perSecond)} events/s, ${left} s left`;
  }
}

export function describeReport({ events, generations, seconds, eventsPerSecond, position }: RebuildReport): string {
  return (
    `done: ${count.format(events)} events of ${count.format(generations)} generations in ${seconds.toFixed(1)} s ` +
    `(${count.format(eventsPerSecond)} events/s); the tables reflect the log up to position ${position}`
  );
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(whole, 1)).toFixed(1)} %`;
}
