import type { Model } from './model.js';
import type { ProviderInput } from './price.js';
import { choiceOfRatio, ratioOf, sizeOfRatio, toStep, type Pixels, type SizeChoice, type SizeRule } from './size.js';

/** What a model makes of an input, as far as its entry in the catalogue tells. */
export interface ExpectedResult extends Pixels {
  /** False where the model publishes shape and resolution alone: then the pixels are about these. */
  readonly exact: boolean;
  /** As the model calls it; null where its maker does not say. */
  readonly format: string | null;
  /** Of images; where the model decides how many it makes, the most. */
  readonly count: number;
}

/** Sides of a result that is to have the shape of its source are about multiples of this. */
const ABOUT = 16;
const UNKNOWN: Pixels = { width: 1024, height: 1024 };

/** @param source pixels of the first source image; null when there is none, or when they are not known */
export function expectedResult(model: Model, input: ProviderInput, source: Pixels | null): ExpectedResult {
  const value = (name: string): unknown => input[name] ?? model.input.properties[name]?.default;
  return {
    ...sizeOf(model, input, value, source ?? UNKNOWN),
    format: formatOf(model, value),
    count: countOf(model, value),
  };
}

/** The first image that an input gives the model to start from; null when there is none. */
export function sourceOf({ source }: Model, input: ProviderInput): string | null {
  const given = source && input[source.field];
  const first: unknown = Array.isArray(given) ? given[0] : given;
  return typeof first === 'string' && first !== '' ? first : null;
}

type Value = (name: string) => unknown;
type Size = Pick<ExpectedResult, 'width' | 'height' | 'exact'>;

function formatOf({ formatField, output }: Model, value: Value): string | null {
  const chosen = formatField === null ? undefined : value(formatField);
  return typeof chosen === 'string' ? chosen : (output.formats[0] ?? null);
}

function countOf({ outputs }: Model, value: Value): number {
  if (outputs === null || !matches(outputs.beside, value)) return 1;
  return Number(value(outputs.field) ?? 1);
}

function sizeOf(model: Model, input: ProviderInput, value: Value, original: Pixels): Size {
  const { source, size } = model;
  if (source && source.scale !== null) {
    return scaled(original, typeof source.scale === 'number' ? source.scale : Number(value(source.scale)));
  }
  const hasSource = sourceOf(model, input) !== null;
  const givesSizeBack = source?.mask?.givesSizeBack && input[source.mask.field] !== undefined;
  if (size === null || (hasSource && source?.givesShape && !givesSizeBack)) return { ...original, exact: false };
  return sizeInPixels(size, value) ?? sizeOfChoice(size, input, value, hasSource ? original : null);
}

function scaled({ width, height }: Pixels, factor: number): Size {
  const side = (pixels: number) => Math.max(Math.round(pixels * factor), 1);
  return { width: side(width), height: side(height), exact: true };
}

function sizeInPixels({ pixels }: SizeRule, value: Value): Size | null {
  if (pixels === null || !matches(pixels.beside, value)) return null;
  const [width, height] = [value(pixels.width), value(pixels.height)];
  if (typeof width !== 'number' || typeof height !== 'number') return null;
  return { width: toStep(width, pixels.step), height: toStep(height, pixels.step), exact: true };
}

/** A model whose shape is to be that of its source has none without one: then it is the first that it knows. */
function sizeOfChoice({ choices }: SizeRule, input: ProviderInput, value: Value, source: Pixels | null): Size {
  const { aspect_ratio: asked } = input;
  const inputs = ({ inputs: { aspect_ratio, ...others } }: SizeChoice) => ({ aspect_ratio, others });
  const named = choices.some((choice) => inputs(choice).aspect_ratio !== undefined);
  if (!named && typeof asked === 'string' && ratioOf(asked) !== null) return choiceOfRatio(choices, asked) ?? unknown();
  const pick = (fits: (choice: SizeChoice) => boolean) => mostSpecific(choices.filter(fits), input);
  const chosen = pick((choice) => matches(choice.inputs, value));
  if (chosen) return chosen;
  const resolution = pick((choice) => matches(inputs(choice).others, value)) ?? unknown();
  if (source === null) return resolution;
  const area = resolution.width * resolution.height;
  return { ...sizeOfRatio(source.width / source.height, { area, step: ABOUT }), exact: false };
}

const unknown = (): Size => ({ ...UNKNOWN, exact: false });

/** What was given goes before what is a default, more inputs before fewer, and pixels that are exact before others. */
function mostSpecific(choices: readonly SizeChoice[], input: ProviderInput): SizeChoice | null {
  const rank = ({ inputs, exact }: SizeChoice) => {
    const names = Object.keys(inputs);
    return names.filter((name) => Object.hasOwn(input, name)).length * 100 + names.length * 10 + (exact ? 1 : 0);
  };
  return choices.reduce<SizeChoice | null>((best, next) => (best && rank(best) >= rank(next) ? best : next), null);
}

function matches(inputs: Readonly<Record<string, unknown>>, value: Value): boolean {
  return Object.entries(inputs).every(([name, wanted]) => value(name) === wanted);
}
