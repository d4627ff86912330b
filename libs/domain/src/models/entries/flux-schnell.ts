import type { Model } from '../model.js';
import { FLUX_1_INPUTS, FLUX_1_SIZES } from './flux-1.js';

/** Inputs as of version c846a699 on replicate.com; price from replicate.com/pricing, October 2026. */
export const fluxSchnell: Model = {
  id: 'black-forest-labs/flux-schnell',
  version: null,
  title: 'FLUX.1 [schnell]',
  kind: 'text-to-image',
  input: {
    properties: {
      ...FLUX_1_INPUTS,
      num_inference_steps: { type: 'integer', minimum: 1, maximum: 4, default: 4, description: 'Denoising steps' },
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'num_inference_steps', seed: 'seed' },
  outputsField: 'num_outputs',
  formatField: 'output_format',
  size: { by: 'choices', choices: FLUX_1_SIZES },
  source: null,
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.003 },
  typicalSeconds: null,
  active: true,
};
