import type { ProgressNews } from '@darkroom/events';

/** So often at most the progress of one generation is told. Milliseconds. */
const PAUSE_MS = 500;

/** Calls out how far an attempt has come: only forwards, only what is new, and not too often. */
export function tellProgress(
  attempt: Pick<ProgressNews, 'generationId' | 'fence'>,
  tell: (news: ProgressNews) => void,
): (progress: number) => void {
  let told = 0;
  let toldAt = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (progress <= told || now - toldAt < PAUSE_MS) return;
    told = progress;
    toldAt = now;
    tell({ ...attempt, progress });
  };
}
