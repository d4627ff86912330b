import type { InputSchema } from './input-schema.js';

/** A size that a model offers: the inputs that ask for it, and the pixels that come back. */
export interface SizeChoice {
  readonly aspect_ratio: string;
  readonly width: number;
  readonly height: number;
  /** False where a model publishes shape and resolution alone: then the pixels are about these. */
  readonly exact: boolean;
  readonly inputs: Readonly<Record<string, string>>;
}

/** How a model is asked for a size of so many pixels. */
export interface PixelInputs {
  /** Names of the inputs, whose schemas hold the limits. */
  readonly width: string;
  readonly height: string;
  /** Inputs without which those two have no effect. */
  readonly beside: Readonly<Record<string, string>>;
  /** Both sides are made multiples of this. */
  readonly step: number;
  /** How many pixels a size has, about, that is asked for by its shape alone. */
  readonly area: number;
}

/**
 * How a model is asked for a size: by one of its `choices` (where several share an aspect ratio, the first is the one
 * meant by the ratio alone), by pixels, or by both. At least one of them is there.
 */
export interface SizeRule {
  readonly choices: readonly SizeChoice[];
  readonly pixels: PixelInputs | null;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
}

export const RATIO_PATTERN = '^(\\d{1,4}(?:\\.\\d{1,3})?):(\\d{1,4}(?:\\.\\d{1,3})?)$';
const RATIO = new RegExp(RATIO_PATTERN);

/** Width over height of `W:H`; null when the text is no such ratio. */
export function ratioOf(text: string): number | null {
  const parts = RATIO.exec(text);
  const [width, height] = [Number(parts?.[1]), Number(parts?.[2])];
  return width > 0 && height > 0 ? width / height : null;
}

/**
 * The choice for a size in pixels: the very size if it is offered, else the nearest shape, and of that shape the
 * nearest area. Both are compared as ratios (by logarithm): 2:1 is as far from 1:1 as 1:2 is, and shapes by the ratio a
 * choice is named for, as its pixels are rounded (FLUX's 5:4 is 1088×896, which is nearer to 6:5).
 */
export function nearestChoice(choices: readonly SizeChoice[], { width, height }: Pixels): SizeChoice | null {
  const same = choices.find((choice) => choice.exact && choice.width === width && choice.height === height);
  const distances = (choice: SizeChoice) => [
    shapeDistance(choice, width / height),
    areaDistance(choice, width * height),
    choice.exact ? 0 : 1,
  ];
  return same ?? nearest(choices, distances);
}

/** The choice that a shape alone means: the first that is named for it, else the first of the nearest shape. */
export function choiceOfRatio(choices: readonly SizeChoice[], aspectRatio: string): SizeChoice | null {
  const named = choices.find((choice) => choice.aspect_ratio === aspectRatio);
  const ratio = ratioOf(aspectRatio);
  return named ?? (ratio === null ? null : nearest(choices, (choice) => [shapeDistance(choice, ratio)]));
}

/** The first for which the distances, the earlier ones first, are the smallest. */
function nearest(
  choices: readonly SizeChoice[],
  distances: (choice: SizeChoice) => readonly number[],
): SizeChoice | null {
  const isNearer = (one: readonly number[], other: readonly number[]): boolean => {
    const at = one.findIndex((distance, index) => Math.abs(distance - other[index]!) > NOISE);
    return at >= 0 && one[at]! < other[at]!;
  };
  return choices.reduce<SizeChoice | null>(
    (best, next) => (best === null || isNearer(distances(next), distances(best)) ? next : best),
    null,
  );
}

/** Below this, two logarithms differ by their rounding alone. */
const NOISE = 1e-9;

function shapeDistance({ aspect_ratio, width, height }: SizeChoice, ratio: number): number {
  return distance(ratio, ratioOf(aspect_ratio) ?? width / height);
}

function areaDistance({ width, height }: SizeChoice, area: number): number {
  return distance(area, width * height);
}

function distance(one: number, other: number): number {
  return Math.abs(Math.log(one / other));
}

/** The inputs that a choice of size can set. */
export function inputsOfAny(size: SizeRule | null): readonly string[] {
  return size ? [...new Set(size.choices.flatMap(({ inputs }) => Object.keys(inputs)))] : [];
}

/** The inputs that every choice of size sets: they are what the request's aspect ratio stands for. */
export function inputsOfEvery(size: SizeRule | null): readonly string[] {
  return inputsOfAny(size).filter((name) => size!.choices.every(({ inputs }) => Object.hasOwn(inputs, name)));
}

/** The size of about `area` pixels and this ratio, in whole steps. */
export function sizeOfRatio(ratio: number, { area, step }: Pick<PixelInputs, 'area' | 'step'>): Pixels {
  return {
    width: toStep(Math.sqrt(area * ratio), step),
    height: toStep(Math.sqrt(area / ratio), step),
  };
}

/** The size of this ratio, of about the area that the model makes or, where its sides' limits ask for it, less or more. */
export function sizeWithin(ratio: number, pixels: PixelInputs, { properties }: InputSchema): Pixels {
  const [width, height] = [properties[pixels.width], properties[pixels.height]];
  const most = Math.min((width?.maximum ?? Infinity) ** 2 / ratio, (height?.maximum ?? Infinity) ** 2 * ratio);
  const least = Math.max((width?.minimum ?? 1) ** 2 / ratio, (height?.minimum ?? 1) ** 2 * ratio);
  return sizeOfRatio(ratio, { area: Math.min(Math.max(pixels.area, least), most), step: pixels.step });
}

/** The nearest multiple of `step`, which is not 0. */
export function toStep(pixels: number, step: number): number {
  return Math.max(Math.round(pixels / step), 1) * step;
}
