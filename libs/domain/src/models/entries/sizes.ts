import { choiceOfRatio, ratioOf, sizeOfRatio, type PixelInputs, type SizeChoice } from '../size.js';

export const MEGAPIXEL = 1024 * 1024;

/**
 * Pixels of FLUX.1's aspect ratios at one megapixel: ASPECT_RATIOS in predict.py of github.com/replicate/cog-flux. Its
 * `megapixels: "0.25"` halves both sides.
 */
const FLUX_1_MEGAPIXEL: readonly (readonly [ratio: string, width: number, height: number])[] = [
  ['1:1', 1024, 1024],
  ['16:9', 1344, 768],
  ['21:9', 1536, 640],
  ['3:2', 1216, 832],
  ['2:3', 832, 1216],
  ['4:5', 896, 1088],
  ['5:4', 1088, 896],
  ['3:4', 896, 1152],
  ['4:3', 1152, 896],
  ['9:16', 768, 1344],
  ['9:21', 640, 1536],
];

export const FLUX_1_RATIOS: readonly string[] = FLUX_1_MEGAPIXEL.map(([ratio]) => ratio);

export const FLUX_1_SIZES: readonly SizeChoice[] = [...fluxSizes(1, {}), ...fluxSizes(2, { megapixels: '0.25' })];

function fluxSizes(part: number, inputs: Readonly<Record<string, string>>): SizeChoice[] {
  return FLUX_1_MEGAPIXEL.map(([aspect_ratio, width, height]) => ({
    aspect_ratio,
    width: width / part,
    height: height / part,
    exact: true,
    inputs: { aspect_ratio, ...inputs },
  }));
}

/** One resolution of a model, and the inputs that ask for it; none for the one it makes by itself. */
interface Resolution {
  /** Pixels of its images, or of one whose longer side is so many times the shorter. */
  readonly area: number | ((stretch: number) => number);
  readonly inputs?: Readonly<Record<string, string>>;
}

/** Sides of pixels that are only about right are rounded to this. */
const ABOUT = 16;

/** Every shape in every resolution, of a model that does not publish what pixels they are. The first is its own. */
export function shapes(ratios: readonly string[], resolutions: readonly Resolution[]): SizeChoice[] {
  return resolutions.flatMap(({ area, inputs }) =>
    ratios.map((aspect_ratio) => {
      const ratio = ratioOf(aspect_ratio) ?? 1;
      const pixels = typeof area === 'number' ? area : area(Math.max(ratio, 1 / ratio));
      const size = sizeOfRatio(ratio, { area: pixels, step: ABOUT });
      return { aspect_ratio, ...size, exact: false, inputs: { aspect_ratio, ...inputs } };
    }),
  );
}

/**
 * Sizes that a model takes as `WxH` in one input. Of these ratios each is the name of the size that comes nearest to it;
 * further sizes are called by their own.
 */
export function resolutions(input: string, pixels: readonly string[], ratios: readonly string[]): SizeChoice[] {
  const sizes = pixels.map((text) => {
    const [width, height] = text.split('x').map(Number) as [number, number];
    return { aspect_ratio: reduced(width, height), width, height, exact: true, inputs: { [input]: text } };
  });
  const names = new Map(ratios.map((ratio) => [choiceOfRatio(sizes, ratio), ratio]));
  return sizes.map((size) => ({ ...size, aspect_ratio: names.get(size) ?? size.aspect_ratio }));
}

function reduced(width: number, height: number): string {
  const divisor = (one: number, other: number): number => (other === 0 ? one : divisor(other, one % other));
  const common = divisor(width, height);
  return `${width / common}:${height / common}`;
}

/** Inputs named width and height, that have an effect beside others. */
export function customPixels(beside: Readonly<Record<string, string>>, step: number, area: number): PixelInputs {
  return { width: 'width', height: 'height', beside, step, area };
}
