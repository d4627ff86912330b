import type { RunOptions } from './run.js';

/** What a run of the suite does. */
export interface ChaosOptions {
  readonly runs: readonly RunOptions[];
  /** Whether the table is put into docs/reliability.md. */
  readonly write: boolean;
}

/** In `npm test`: one seed that is always the same, and one that nobody has tried. */
const SHORT = { generations: 60, kills: 8 };
const FIXED_SEED = 20_261_122;

/** The long form, as scripts/chaos.mjs checks it. */
interface LongForm {
  readonly runs: string;
  readonly generations: string;
  readonly kills: string;
  /** Of the first run; the others take the next ones. */
  readonly seed?: string;
  readonly write: boolean;
}

/** Of the long form as CHAOS has it, or of the short form where that is unset. */
export function chaosOptions(text: string | undefined, randomSeed: number): ChaosOptions {
  if (!text) return { runs: [FIXED_SEED, randomSeed].map((seed) => ({ ...SHORT, seed })), write: false };
  const { runs, generations, kills, seed, write } = JSON.parse(text) as LongForm;
  const first = seed === undefined ? randomSeed : Number(seed);
  return {
    runs: Array.from({ length: Number(runs) }, (_, n) => ({
      seed: first + n,
      generations: Number(generations),
      kills: Number(kills),
    })),
    write,
  };
}
