import type { PropertySchema } from '../input-schema.js';
import type { SizeChoice } from '../size.js';

/**
 * Pixels of FLUX.1's aspect ratios at one megapixel: ASPECT_RATIOS in predict.py of github.com/replicate/cog-flux. Its
 * `megapixels: "0.25"` halves both sides.
 */
const ONE_MEGAPIXEL: readonly (readonly [ratio: string, width: number, height: number])[] = [
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

export const FLUX_1_SIZES: readonly SizeChoice[] = [
  ...ONE_MEGAPIXEL.map(([aspect_ratio, width, height]) => ({
    aspect_ratio,
    width,
    height,
    inputs: { aspect_ratio },
  })),
  ...ONE_MEGAPIXEL.map(([aspect_ratio, width, height]) => ({
    aspect_ratio,
    width: width / 2,
    height: height / 2,
    inputs: { aspect_ratio, megapixels: '0.25' },
  })),
];

/** Inputs that the FLUX.1 models share. */
export const FLUX_1_INPUTS = {
  prompt: { type: 'string', description: 'Text prompt' },
  aspect_ratio: {
    type: 'string',
    enum: ONE_MEGAPIXEL.map(([ratio]) => ratio),
    default: '1:1',
    description: 'Output shape',
  },
  megapixels: {
    type: 'string',
    enum: ['1', '0.25'],
    default: '1',
    description: 'Approximate output megapixels',
  },
  seed: { type: 'integer', description: 'Random seed; omit for random' },
  go_fast: {
    type: 'boolean',
    default: true,
    description: 'Use the speed-optimised variant, which is not deterministic even with a seed',
  },
  num_outputs: { type: 'integer', minimum: 1, maximum: 4, default: 1, description: 'How many images to make' },
  output_format: {
    type: 'string',
    enum: ['webp', 'jpg', 'png'],
    default: 'webp',
    description: 'File format of the result',
  },
  output_quality: {
    type: 'integer',
    minimum: 0,
    maximum: 100,
    default: 80,
    description: 'Compression quality 0-100; not used for png',
  },
  disable_safety_checker: { type: 'boolean', default: false, description: 'Turn the safety checker off' },
} as const satisfies Record<string, PropertySchema>;
