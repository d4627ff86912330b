import type { Model } from '../model.js';
import { defineModel, departure, sourceIn } from './define.js';
import { decimal, flag, image, oneOf, text, whole } from './inputs.js';
import { FLUX_1_RATIOS, FLUX_1_SIZES } from './sizes.js';

const INPUTS = {
  prompt: text('Text prompt'),
  aspect_ratio: oneOf('Output shape', FLUX_1_RATIOS, '1:1'),
  megapixels: oneOf('Approximate output megapixels', ['1', '0.25'], '1'),
  seed: whole('Random seed; omit for random'),
  go_fast: flag('Use the speed-optimised variant', true),
  num_outputs: whole('How many images to make', { minimum: 1, maximum: 4, default: 1 }),
  output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
  output_quality: whole('Compression quality 0-100; not used for png', { minimum: 0, maximum: 100, default: 80 }),
  disable_safety_checker: flag('Turn the safety checker off', false),
};

/** What all of FLUX.1 on Replicate's own hardware has in common. */
const FLUX_1 = {
  kind: 'text-to-image',
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  formatField: 'output_format',
  size: { choices: FLUX_1_SIZES, pixels: null },
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
} as const;

/** What dev and krea-dev have, and schnell has not. Beside a source image the result takes its shape. */
const DEV = {
  ...FLUX_1,
  input: {
    properties: {
      ...INPUTS,
      image: image('Source image'),
      guidance: decimal('Prompt guidance strength', { minimum: 0, maximum: 10, default: 3 }),
      prompt_strength: decimal('How far to depart from the source image; 1 = source fully replaced', {
        minimum: 0,
        maximum: 1,
        default: 0.8,
      }),
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 50, default: 28 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', guidance_scale: 'guidance', seed: 'seed' },
  source: sourceIn('image', { strength: departure('prompt_strength'), givesShape: true }),
} as const;

/** Inputs as of version c846a699 on replicate.com; price from replicate.com/pricing, October 2026. */
const schnell = defineModel({
  ...FLUX_1,
  id: 'black-forest-labs/flux-schnell',
  title: 'FLUX.1 [schnell]',
  goodAt: 'Fast and cheap drafts, in one to four steps.',
  input: {
    properties: {
      ...INPUTS,
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 4, default: 4 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', seed: 'seed' },
  price: { usd_per_image: 0.003 },
});

/** Inputs as recorded of version 6e4a938f (April 2026) and in github.com/replicate/cog-flux. */
const dev = defineModel({
  ...DEV,
  id: 'black-forest-labs/flux-dev',
  title: 'FLUX.1 [dev]',
  goodAt: 'Detailed images, and variations of an image, with many settings.',
  price: { usd_per_image: 0.025 },
});

/** Inputs as in github.com/replicate/cog-flux (July 2025) and recorded in September 2026. */
const kreaDev = defineModel({
  ...DEV,
  id: 'black-forest-labs/flux-krea-dev',
  title: 'FLUX.1 Krea [dev]',
  goodAt: 'Photographs without the polished look of generated images.',
  price: null,
  unsure: 'No price is confirmed. A newer version may also take the aspect ratio match_input_image; it is not sent.',
});

export const FLUX_1_MODELS: readonly Model[] = [schnell, dev, kreaDev];
