import type { PropertySchema } from '../input-schema.js';
import type { Model } from '../model.js';

/**
 * The limits on a side are ours, as the model publishes none: its pipeline fails on sides that 8 does not divide, and
 * far from its one megapixel it repeats its subject or runs out of memory, which is paid for.
 */
const SIDE = {
  type: 'integer',
  minimum: 256,
  maximum: 2048,
  multipleOf: 8,
  default: 1024,
} as const satisfies Partial<PropertySchema>;

/** Inputs as published and recorded of this version (April 2026). Billed by time. */
export const sdxl: Model = {
  id: 'stability-ai/sdxl',
  version: '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc',
  title: 'Stable Diffusion XL',
  kind: 'text-to-image',
  input: {
    properties: {
      prompt: { type: 'string', default: 'An astronaut riding a rainbow unicorn', description: 'Text prompt' },
      negative_prompt: { type: 'string', default: '', description: 'What to keep out of the image' },
      image: { type: 'string', format: 'uri', description: 'Source image' },
      mask: {
        type: 'string',
        format: 'uri',
        description: 'Inpainting mask: white is repainted, black is kept',
      },
      width: { ...SIDE, description: 'Output width in pixels' },
      height: { ...SIDE, description: 'Output height in pixels' },
      seed: { type: 'integer', description: 'Random seed; omit for random' },
      refine: {
        type: 'string',
        enum: ['no_refiner', 'expert_ensemble_refiner', 'base_image_refiner'],
        default: 'no_refiner',
        description: 'Refiner mode',
      },
      scheduler: {
        type: 'string',
        enum: ['DDIM', 'DPMSolverMultistep', 'HeunDiscrete', 'KarrasDPM', 'K_EULER_ANCESTRAL', 'K_EULER', 'PNDM'],
        default: 'K_EULER',
        description: 'Sampler',
      },
      lora_scale: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.6,
        description: 'LoRA weight; trained models only',
      },
      num_outputs: { type: 'integer', minimum: 1, maximum: 4, default: 1, description: 'How many images to make' },
      refine_steps: {
        type: 'integer',
        description: 'Refiner steps for base_image_refiner; defaults to num_inference_steps',
      },
      guidance_scale: {
        type: 'number',
        minimum: 1,
        maximum: 50,
        default: 7.5,
        description: 'Classifier-free guidance scale',
      },
      apply_watermark: { type: 'boolean', default: true, description: 'Add an invisible watermark' },
      high_noise_frac: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.8,
        description: 'Share of noise for the expert-ensemble refiner',
      },
      prompt_strength: {
        type: 'number',
        minimum: 0,
        maximum: 1,
        default: 0.8,
        description: 'How far to depart from the source image; 1 = source fully replaced',
      },
      replicate_weights: { type: 'string', description: 'LoRA weights from a Replicate training' },
      num_inference_steps: { type: 'integer', minimum: 1, maximum: 500, default: 50, description: 'Denoising steps' },
      disable_safety_checker: { type: 'boolean', default: false, description: 'Turn the safety checker off' },
    },
    required: [],
  },
  fields: {
    prompt: 'prompt',
    negative_prompt: 'negative_prompt',
    num_inference_steps: 'num_inference_steps',
    guidance_scale: 'guidance_scale',
    seed: 'seed',
  },
  outputsField: 'num_outputs',
  formatField: null,
  size: { by: 'pixels', width: 'width', height: 'height', area: 1024 * 1024 },
  source: {
    field: 'image',
    list: false,
    required: false,
    strength: { field: 'prompt_strength', counts: 'departure' },
    // Its pipeline passes width and height on only without a source, or for inpainting.
    givesShape: true,
    sizeReturnsWith: 'mask',
  },
  output: { shape: 'uri[]', formats: ['png'] },
  price: { usd_per_second: 0.000975 },
  typicalSeconds: null,
  active: true,
};
