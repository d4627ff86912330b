import type { PropertySchema } from './input-schema.js';

/** A size that a model offers: the inputs that ask for it, and the pixels that come back. */
export interface SizeChoice {
  readonly aspect_ratio: string;
  readonly width: number;
  readonly height: number;
  readonly inputs: Readonly<Record<string, string>>;
}

/**
 * How a model is asked for a size. `choices`: it offers a list; where several share an aspect ratio, the first is the
 * one meant by the ratio alone. `pixels`: it takes width and height under these names, within its schema's limits, and
 * an aspect ratio is turned into a size of about `area` pixels.
 */
export type SizeRule =
  | { readonly by: 'choices'; readonly choices: readonly SizeChoice[] }
  | { readonly by: 'pixels'; readonly width: string; readonly height: string; readonly area: number };

interface SizePlan {
  readonly inputs: SizeChoice['inputs'];
  /** What will be made instead of the asked size, when that is not the same. */
  readonly instead: SizeChoice | null;
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
export function nearestChoice(choices: readonly SizeChoice[], width: number, height: number): SizePlan {
  const exact = choices.find((choice) => choice.width === width && choice.height === height);
  if (exact) return { inputs: exact.inputs, instead: null };
  const shape = (choice: SizeChoice) =>
    distance(width / height, ratioOf(choice.aspect_ratio) ?? choice.width / choice.height);
  const area = (choice: SizeChoice) => distance(width * height, choice.width * choice.height);
  const nearest = choices.reduce((best, next) => {
    const nearer = shape(next) - shape(best) || area(next) - area(best);
    return nearer < 0 ? next : best;
  });
  return { inputs: nearest.inputs, instead: nearest };
}

/** The choice for an aspect ratio alone; null when it is not on the list. */
export function choiceOf(choices: readonly SizeChoice[], aspectRatio: string): SizeChoice | null {
  return choices.find((choice) => choice.aspect_ratio === aspectRatio) ?? null;
}

/** The inputs that a choice of size can set. */
export function inputsOfAny(size: SizeRule | null): readonly string[] {
  return size?.by === 'choices' ? [...new Set(size.choices.flatMap(({ inputs }) => Object.keys(inputs)))] : [];
}

/** The inputs that every choice of size sets: they are what the request's aspect ratio stands for. */
export function inputsOfEvery(size: SizeRule | null): readonly string[] {
  return size?.by === 'choices'
    ? inputsOfAny(size).filter((name) => size.choices.every(({ inputs }) => Object.hasOwn(inputs, name)))
    : [];
}

/** The size of about `area` pixels and this ratio, in whole steps of what the model's width and height must divide by. */
export function sizeOfRatio(ratio: number, area: number, width: PropertySchema, height: PropertySchema) {
  const rounded = (pixels: number, step = 1) => Math.round(pixels / step) * step;
  return {
    width: rounded(Math.sqrt(area * ratio), width.multipleOf),
    height: rounded(Math.sqrt(area / ratio), height.multipleOf),
  };
}

function distance(one: number, other: number): number {
  return Math.abs(Math.log(one / other));
}
