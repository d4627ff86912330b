import type { RunOptions } from './run.js';

/** What a run of the suite does. */
export interface ChaosOptions {
  readonly runs: readonly RunOptions[];
  /** Where the table is written to; null: nowhere. */
  readonly writeTo: string | null;
}

/** In `npm test`: one seed that is always the same, and one that nobody has tried. */
const SHORT = { generations: 80, kills: 9 };
const FIXED_SEED = 20_261_122;

/**
 * Of the long form, as scripts/chaos.mjs puts it into CHAOS, or of the short form where that is unset. A seed of the long
 * form is followed by the next ones.
 */
export function chaosOptions(text: string | undefined, randomSeed: number): ChaosOptions {
  if (!text) return { runs: [FIXED_SEED, randomSeed].map((seed) => ({ ...SHORT, seed })), writeTo: null };
  const { runs, generations, kills, seed, writeTo } = JSON.parse(text) as Record<string, string | null>;
  const first = seed ? Number(seed) : randomSeed;
  return {
    runs: Array.from({ length: Number(runs) }, (_, n) => ({
      seed: first + n,
      generations: Number(generations),
      kills: Number(kills),
    })),
    writeTo: writeTo ?? null,
  };
}
