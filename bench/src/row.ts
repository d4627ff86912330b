import type { Comparison } from './statistics.js';

/** What a gateway or worker may hold of memory while it has nothing to do. Megabytes. */
export const MEMORY_MB = 250;

/** One line of the table. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly value: number;
  /** The same measure of what nothing built on these servers can beat; null where there is no such thing. */
  readonly limit: number | null;
  /** Value by limit. */
  readonly ratio: number | null;
  /** As the table shows it, and whether it was met; null: reported without a target. */
  readonly target: { readonly text: string; readonly met: boolean } | null;
}

/** A row whose target is a share of its limit. */
export function comparedRow(what: string, unit: string, { ours, limit, ratio }: Comparison, atLeast?: number): Row {
  const target = atLeast === undefined ? null : { text: `ratio ≥ ${atLeast}`, met: ratio >= atLeast };
  return { what, unit, value: ours, limit, ratio, target };
}

/** A row whose target is a value not to be exceeded. */
export function boundedRow(what: string, unit: string, value: number, atMost: number | null, limit?: number): Row {
  const target = atMost === null ? null : { text: `≤ ${atMost} ${unit}`, met: value <= atMost };
  return { what, unit, value, limit: limit ?? null, ratio: limit === undefined ? null : value / limit, target };
}

/** A row whose target is a value to be reached. */
export function atLeastRow(what: string, unit: string, value: number, atLeast: number): Row {
  const target = { text: `≥ ${atLeast.toLocaleString('en')} ${unit}`.trim(), met: value >= atLeast };
  return { what, unit, value, limit: null, ratio: null, target };
}
