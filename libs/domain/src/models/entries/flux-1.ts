import type { Model } from '../model.js';
import { decimal, flag, image, oneOf, text, whole } from './inputs.js';
import { FLUX_1_SIZES } from './sizes.js';

/** Inputs that they share. */
const FLUX_1 = {
  prompt: text('Text prompt'),
  aspect_ratio: oneOf(
    'Output shape',
    ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'],
    '1:1',
  ),
  megapixels: oneOf('Approximate output megapixels', ['1', '0.25'], '1'),
  seed: whole('Random seed; omit for random'),
  go_fast: flag('Use the speed-optimised variant', true),
  num_outputs: whole('How many images to make', { minimum: 1, maximum: 4, default: 1 }),
  output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
  output_quality: whole('Compression quality 0-100; not used for png', { minimum: 0, maximum: 100, default: 80 }),
  disable_safety_checker: flag('Turn the safety checker off', false),
};

/** Inputs that schnell has not. */
const WITH_SOURCE = {
  image: image('Source image'),
  guidance: decimal('Prompt guidance strength', { minimum: 0, maximum: 10, default: 3 }),
  prompt_strength: decimal('How far to depart from the source image; 1 = source fully replaced', {
    minimum: 0,
    maximum: 1,
    default: 0.8,
  }),
  num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 50, default: 28 }),
};

/** Inputs as of version c846a699 on replicate.com; price from replicate.com/pricing, October 2026. */
const fluxSchnell: Model = {
  id: 'black-forest-labs/flux-schnell',
  version: null,
  title: 'FLUX.1 [schnell]',
  kind: 'text-to-image',
  goodAt: 'Fast and cheap drafts, in one to four steps.',
  input: {
    properties: {
      ...FLUX_1,
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 4, default: 4 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', seed: 'seed' },
  drawsNoSeed: false,
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  formatField: 'output_format',
  size: { choices: FLUX_1_SIZES, pixels: null },
  source: null,
  references: null,
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.003 },
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: null,
};

/** Inputs as recorded of version 6e4a938f (April 2026) and in github.com/replicate/cog-flux. */
const fluxDev: Model = {
  id: 'black-forest-labs/flux-dev',
  version: null,
  title: 'FLUX.1 [dev]',
  kind: 'text-to-image',
  goodAt: 'Detailed images, and variations of an image, with many settings.',
  input: {
    properties: {
      ...FLUX_1,
      ...WITH_SOURCE,
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', guidance_scale: 'guidance', seed: 'seed' },
  drawsNoSeed: false,
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  formatField: 'output_format',
  size: { choices: FLUX_1_SIZES, pixels: null },
  source: {
    field: 'image',
    list: false,
    required: false,
    strength: { field: 'prompt_strength', counts: 'departure' },
    givesShape: true,
    shape: {},
    mask: null,
  },
  references: null,
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.025 },
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: null,
};

/** Inputs as in github.com/replicate/cog-flux (July 2025) and recorded in September 2026. */
const fluxKreaDev: Model = {
  id: 'black-forest-labs/flux-krea-dev',
  version: null,
  title: 'FLUX.1 Krea [dev]',
  kind: 'text-to-image',
  goodAt: 'Photographs without the polished look of generated images.',
  input: {
    properties: {
      ...FLUX_1,
      ...WITH_SOURCE,
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', guidance_scale: 'guidance', seed: 'seed' },
  drawsNoSeed: false,
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  formatField: 'output_format',
  size: { choices: FLUX_1_SIZES, pixels: null },
  source: {
    field: 'image',
    list: false,
    required: false,
    strength: { field: 'prompt_strength', counts: 'departure' },
    givesShape: true,
    shape: {},
    mask: null,
  },
  references: null,
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: null,
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: 'No price is confirmed. A newer version may also take the aspect ratio match_input_image; it is not sent.',
};

export const FLUX_1_MODELS: readonly Model[] = [fluxSchnell, fluxDev, fluxKreaDev];
