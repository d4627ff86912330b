import { FLUX_1_PIXELS } from './flux-sizes.js';
import type { SimulatedModel } from './simulated-model.js';

/** The published input schema of black-forest-labs/flux-dev, as read in 2026-11. */
export const fluxDev: SimulatedModel = {
  id: 'black-forest-labs/flux-dev',
  version: null,
  size: { kind: 'aspect_ratio', pixels: FLUX_1_PIXELS },
  defaultFormat: 'webp',
  input: {
    type: 'object',
    properties: {
      prompt: { type: 'string', description: 'Text prompt' },
      image: { type: 'string', format: 'uri', description: 'Source image' },
      aspect_ratio: {
        type: 'string',
        enum: ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'],
        default: '1:1',
        description: 'Output shape',
      },
      megapixels: { type: 'string', enum: ['1', '0.25'], default: '1', description: 'Approximate output megapixels' },
      seed: { type: 'integer', description: 'Random seed; omit for random' },
      go_fast: { type: 'boolean', default: true, description: 'Use the speed-optimised variant' },
      guidance: { type: 'number', minimum: 0, maximum: 10, default: 3, description: 'Prompt guidance strength' },
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
      prompt_strength: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.8,
        description: 'How far to depart from the source image; 1 = source fully replaced',
      },
      num_inference_steps: { type: 'integer', minimum: 1, maximum: 50, default: 28, description: 'Denoising steps' },
      disable_safety_checker: { type: 'boolean', default: false, description: 'Turn the safety checker off' },
    },
    required: ['prompt'],
  },
};
