import type { SimulatedModel } from './simulated-model.js';

/** The published input schema of stability-ai/sdxl, as read in 2026-11. */
export const sdxl: SimulatedModel = {
  id: 'stability-ai/sdxl',
  version: '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc',
  size: { kind: 'width_height' },
  defaultFormat: 'png',
  input: {
    type: 'object',
    properties: {
      prompt: { type: 'string', default: 'An astronaut riding a rainbow unicorn', description: 'Text prompt' },
      negative_prompt: { type: 'string', default: '', description: 'What to keep out of the image' },
      image: { type: 'string', format: 'uri', description: 'Source image' },
      mask: { type: 'string', format: 'uri', description: 'Inpainting mask: white is repainted, black is kept' },
      width: { type: 'integer', default: 1024, description: 'Output width in pixels' },
      height: { type: 'integer', default: 1024, description: 'Output height in pixels' },
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
};
