import type { Model } from './model.js';

/** US dollars that `outputs` images of this model are expected to cost; null when that cannot be said beforehand. */
export function estimatedCostUsd({ price, typicalSeconds }: Model, outputs: number): number | null {
  if (price === null) return null;
  if ('usd_per_image' in price) return roundUsd(price.usd_per_image * outputs);
  return typicalSeconds === null ? null : roundUsd(price.usd_per_second * typicalSeconds);
}

/**
 * US dollars that a finished prediction has cost by the catalogue's price: `outputs` images came back, after
 * `predictTime` seconds. Null when the model, its price or the time it is billed by is not known.
 */
export function actualCostUsd(
  model: Model | null,
  { outputs, predictTime }: { readonly outputs: number; readonly predictTime: number | null },
): number | null {
  if (!model?.price) return null;
  if ('usd_per_image' in model.price) return roundUsd(model.price.usd_per_image * outputs);
  return predictTime === null ? null : roundUsd(model.price.usd_per_second * predictTime);
}

/** Prices per second have six decimals: what is finer than a millionth of a dollar is noise of the arithmetic. */
function roundUsd(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}
