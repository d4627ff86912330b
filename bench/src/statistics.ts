/** The middle value; of an even number of values the lower of the two in the middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The smallest value that at least `share` (0 to 1) of the values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error('No values were measured');
  return value;
}

/** One measure of ours beside the same measure of its limit. */
export interface Comparison {
  readonly ours: number;
  readonly limit: number;
  /** Ours by the limit, round by round, in the middle. */
  readonly ratio: number;
}

/**
 * Measures ours and the limit in turns, so that a machine that is slow for a while is slow for both; every second round
 * the other way about. What is compared are neighbours: the median of the rounds' ratios, not the ratio of medians.
 */
export async function inTurns<T>(
  rounds: number,
  ours: () => Promise<T>,
  limit: () => Promise<T>,
): Promise<{ readonly ours: T; readonly limit: T }[]> {
  const pairs: { ours: T; limit: T }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await ours();
      pairs.push({ ours: first, limit: await limit() });
    } else {
      const first = await limit();
      pairs.push({ ours: await ours(), limit: first });
    }
  }
  return pairs;
}

export function compare<T>(
  pairs: readonly { readonly ours: T; readonly limit: T }[],
  measure: (sample: T) => number,
): Comparison {
  return {
    ours: median(pairs.map(({ ours }) => measure(ours))),
    limit: median(pairs.map(({ limit }) => measure(limit))),
    ratio: median(pairs.map(({ ours, limit }) => measure(ours) / measure(limit))),
  };
}
