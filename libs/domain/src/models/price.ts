import type { Model } from './model.js';

/**
 * US dollars: for each image, for each second of predict time, or by the pixels that go in and come out.
 * `otherwise`: what an image costs when the model's input `input` has one of these values.
 */
export type Price =
  | {
      readonly usd_per_image: number;
      readonly otherwise?: { readonly input: string; readonly usd_per_image: Readonly<Record<string, number>> };
    }
  | { readonly usd_per_second: number }
  | {
      readonly usd_per_run: number;
      /** Of what comes out; what goes in costs as much, and is not known to us. */
      readonly usd_per_megapixel: number;
      /** Megapixels that an input asks for; null when that cannot be said. */
      readonly megapixels: (input: ProviderInput) => number | null;
    };

export type ProviderInput = Readonly<Record<string, unknown>>;

/** US dollars that a call with this input is expected to cost, for `outputs` images; null when that cannot be said. */
export function estimatedCostUsd(
  { price, typicalSeconds }: Model,
  input: ProviderInput,
  outputs: number,
): number | null {
  if (price && 'usd_per_second' in price) {
    return typicalSeconds === null ? null : roundUsd(price.usd_per_second * typicalSeconds);
  }
  return price && costOfImages(price, input, outputs);
}

/**
 * US dollars that a finished prediction has cost by the catalogue's price: `outputs` images came back, after
 * `predictTime` seconds. Null when the model, its price or what it is billed by is not known.
 */
export function actualCostUsd(
  model: Model | null,
  input: ProviderInput,
  { outputs, predictTime }: { readonly outputs: number; readonly predictTime: number | null },
): number | null {
  const price = model?.price ?? null;
  if (price && 'usd_per_second' in price) {
    return predictTime === null ? null : roundUsd(price.usd_per_second * predictTime);
  }
  return price && costOfImages(price, input, outputs);
}

function costOfImages(
  price: Exclude<Price, { readonly usd_per_second: number }>,
  input: ProviderInput,
  outputs: number,
): number | null {
  if ('usd_per_run' in price) {
    const megapixels = price.megapixels(input);
    return megapixels === null ? null : roundUsd(price.usd_per_run + price.usd_per_megapixel * megapixels * outputs);
  }
  const { otherwise } = price;
  const value = otherwise && input[otherwise.input];
  const each = (typeof value === 'string' && otherwise?.usd_per_image[value]) || price.usd_per_image;
  return roundUsd(each * outputs);
}

/** Prices per second have six decimals: what is finer than a millionth of a dollar is noise of the arithmetic. */
function roundUsd(amount: number): number {
  return Math.round(amount * 1e6) / 1e6;
}
