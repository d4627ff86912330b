/** Where the stages lie on the way of a generation. Per cent; its end, 100, is a fact in the log. */
const RUN = { from: 10, to: 80 };
const DOWNLOAD = { from: 80, to: 99 };

/** The end of a log that is looked at: a line of progress is much shorter. */
const TAIL_CHARACTERS = 2_000;

/**
 * The percentage that a model has written last into its logs, as tqdm does: `` 42%|████▏     | 21/50 [00:01<00:02]``.
 * Null when it has written none.
 */
export function percentIn(logs: string): number | null {
  const last = [...logs.slice(-TAIL_CHARACTERS).matchAll(/(?<![\d.])(\d{1,3})%\|/g)].at(-1);
  const percent = last ? Number(last[1]) : NaN;
  return percent <= 100 ? percent : null;
}

/** Progress of a generation whose model has come so far. @param percent of the run */
export function runProgress(percent: number): number {
  return scale(percent / 100, RUN);
}

/** Progress of a generation whose files have come so far. @param shares of each file, 0–1 */
export function downloadProgress(shares: readonly number[]): number {
  return scale(shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length), DOWNLOAD);
}

function scale(share: number, { from, to }: { from: number; to: number }): number {
  return Math.floor(from + (to - from) * Math.min(1, Math.max(0, share)));
}
