import type { Model } from '../model.js';
import { FLUX_1_INPUTS, FLUX_1_SIZES } from './flux-1.js';

/** Inputs as recorded of version 6e4a938f (April 2026) and in github.com/replicate/cog-flux; price per output image. */
export const fluxDev: Model = {
  id: 'black-forest-labs/flux-dev',
  version: null,
  title: 'FLUX.1 [dev]',
  kind: 'text-to-image',
  input: {
    properties: {
      ...FLUX_1_INPUTS,
      image: { type: 'string', format: 'uri', description: 'Source image' },
      guidance: { type: 'number', minimum: 0, maximum: 10, default: 3, description: 'Prompt guidance strength' },
      prompt_strength: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.8,
        description: 'How far to depart from the source image; 1 = source fully replaced',
      },
      num_inference_steps: { type: 'integer', minimum: 1, maximum: 50, default: 28, description: 'Denoising steps' },
    },
    required: ['prompt'],
  },
  fields: {
    prompt: 'prompt',
    num_inference_steps: 'num_inference_steps',
    guidance_scale: 'guidance',
    seed: 'seed',
  },
  outputsField: 'num_outputs',
  formatField: 'output_format',
  size: { by: 'choices', choices: FLUX_1_SIZES },
  source: {
    field: 'image',
    list: false,
    required: false,
    strength: { field: 'prompt_strength', counts: 'departure' },
    givesShape: true,
    sizeReturnsWith: null,
  },
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.025 },
  typicalSeconds: null,
  active: true,
};
