import type { InputSchema } from '../input-schema.js';
import type { Model } from '../model.js';
import { defineModel, departure, sourceIn } from './define.js';
import { decimal, flag, image, oneOf, text, whole } from './inputs.js';
import { MEGAPIXEL, shapes } from './sizes.js';

/**
 * The limits on a side are ours, as the model publishes none: its pipeline fails on sides that 8 does not divide, and
 * far from its one megapixel it repeats its subject or runs out of memory, which is paid for.
 */
const SDXL_SIDE = { minimum: 256, maximum: 2048, multipleOf: 8, default: 1024 };

const LIGHTNING_SIDE = { minimum: 256, maximum: 1280, default: 1024 };

const width = (limits: object) => whole('Output width in pixels', limits);
const height = (limits: object) => whole('Output height in pixels', limits);

const SDXL_PIXELS = { width: 'width', height: 'height', beside: {}, step: 8, area: MEGAPIXEL };

/** Inputs as published and recorded of this version (April 2026). Width and height have no effect beside a source without a mask. */
const sdxl = defineModel({
  id: 'stability-ai/sdxl',
  version: '7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc',
  title: 'Stable Diffusion XL',
  kind: 'text-to-image',
  goodAt: 'Negative prompts, inpainting and many settings, billed by time.',
  input: {
    properties: {
      prompt: text('Text prompt', 'An astronaut riding a rainbow unicorn'),
      negative_prompt: text('What to keep out of the image', ''),
      image: image('Source image'),
      mask: image('Inpainting mask: white is repainted, black is kept'),
      width: width(SDXL_SIDE),
      height: height(SDXL_SIDE),
      seed: whole('Random seed; omit for random'),
      refine: oneOf('Refiner mode', ['no_refiner', 'expert_ensemble_refiner', 'base_image_refiner'], 'no_refiner'),
      scheduler: oneOf(
        'Sampler',
        ['DDIM', 'DPMSolverMultistep', 'HeunDiscrete', 'KarrasDPM', 'K_EULER_ANCESTRAL', 'K_EULER', 'PNDM'],
        'K_EULER',
      ),
      lora_scale: decimal('LoRA weight; trained models only', { minimum: 0, maximum: 1, default: 0.6 }),
      num_outputs: whole('How many images to make', { minimum: 1, maximum: 4, default: 1 }),
      refine_steps: whole('Refiner steps for base_image_refiner; defaults to num_inference_steps'),
      guidance_scale: decimal('Classifier-free guidance scale', { minimum: 1, maximum: 50, default: 7.5 }),
      apply_watermark: flag('Add an invisible watermark', true),
      high_noise_frac: decimal('Share of noise for the expert-ensemble refiner', {
        minimum: 0,
        maximum: 1,
        default: 0.8,
      }),
      prompt_strength: decimal('How far to depart from the source image; 1 = source fully replaced', {
        minimum: 0,
        maximum: 1,
        default: 0.8,
      }),
      replicate_weights: text('LoRA weights from a Replicate training'),
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 500, default: 50 }),
      disable_safety_checker: flag('Turn the safety checker off', false),
    },
    required: [],
  },
  published: { properties: { width: width({ default: 1024 }), height: height({ default: 1024 }) } },
  fields: {
    prompt: 'prompt',
    negative_prompt: 'negative_prompt',
    num_inference_steps: 'num_inference_steps',
    guidance_scale: 'guidance_scale',
    seed: 'seed',
  },
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  size: { choices: [], pixels: SDXL_PIXELS },
  source: sourceIn('image', {
    strength: departure('prompt_strength'),
    givesShape: true,
    mask: { field: 'mask', required: false, givesSizeBack: true },
  }),
  output: { shape: 'uri[]', formats: ['png'] },
  price: { usd_per_second: 0.000975 },
});

/** Inputs as recorded of this version in April 2026, but for the multiple of 8, which is ours as for SDXL. Its default seed is 0. */
const sdxlLightning = defineModel({
  id: 'bytedance/sdxl-lightning-4step',
  version: '6f7a773af6fc3e8de9d5a3c00be77c17308914bf67772726aff83496ba1e3bbe',
  title: 'SDXL Lightning (4 steps)',
  kind: 'text-to-image',
  goodAt: 'Very fast drafts with a negative prompt, billed by time.',
  input: {
    properties: {
      prompt: text('Text prompt', 'self-portrait of a woman, lightning in the background'),
      negative_prompt: text('What to keep out of the image', 'worst quality, low quality'),
      width: width({ ...LIGHTNING_SIDE, multipleOf: 8 }),
      height: height({ ...LIGHTNING_SIDE, multipleOf: 8 }),
      seed: whole('Random seed; described as random when blank, yet the schema default is 0', { default: 0 }),
      scheduler: oneOf(
        'Sampler',
        [
          'DDIM',
          'DPMSolverMultistep',
          'HeunDiscrete',
          'KarrasDPM',
          'K_EULER_ANCESTRAL',
          'K_EULER',
          'PNDM',
          'DPM++2MSDE',
        ],
        'K_EULER',
      ),
      num_outputs: whole('How many images to make', { minimum: 1, maximum: 4, default: 1 }),
      guidance_scale: decimal('Classifier-free guidance scale', { minimum: 0, maximum: 50, default: 0 }),
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 10, default: 4 }),
      disable_safety_checker: flag('Turn the safety checker off', false),
    },
    required: [],
  },
  published: { properties: { width: width(LIGHTNING_SIDE), height: height(LIGHTNING_SIDE) } },
  fields: {
    prompt: 'prompt',
    negative_prompt: 'negative_prompt',
    num_inference_steps: 'num_inference_steps',
    guidance_scale: 'guidance_scale',
    seed: 'seed',
  },
  drawsNoSeed: true,
  outputs: { field: 'num_outputs', beside: {}, mayBeFewer: false },
  size: { choices: [], pixels: SDXL_PIXELS },
  output: { shape: 'uri[]', formats: ['png'] },
  price: { usd_per_second: 0.0014 },
});

const SD_35_RATIOS = ['16:9', '1:1', '21:9', '2:3', '3:2', '4:5', '5:4', '9:16', '9:21'];

/** The two 3.5 models differ by the default of their guidance and by price. Inputs as recorded in April 2026: fewer than in 2024. */
const SD_35 = {
  kind: 'text-to-image',
  fields: { prompt: 'prompt', negative_prompt: 'negative_prompt', guidance_scale: 'cfg', seed: 'seed' },
  formatField: 'output_format',
  size: { choices: shapes(SD_35_RATIOS, [{ area: MEGAPIXEL }]), pixels: null },
  source: sourceIn('image', { strength: departure('prompt_strength'), givesShape: true }),
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  unsure: 'That the output is a list was last recorded in 2024-10; a single file is taken as well.',
} as const;

function sd35Input(cfg: number): InputSchema {
  return {
    properties: {
      prompt: text('Text prompt'),
      negative_prompt: text('What to keep out of the image'),
      image: image('Source image'),
      aspect_ratio: oneOf('Output shape', SD_35_RATIOS, '1:1'),
      cfg: decimal('Guidance scale', { minimum: 1, maximum: 10, default: cfg }),
      seed: whole('Random seed; omit for random'),
      output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
      prompt_strength: decimal('How far to depart from the source image; 1 = source fully replaced', {
        minimum: 0,
        maximum: 1,
        default: 0.85,
      }),
    },
    required: ['prompt'],
  };
}

const sd35Large = defineModel({
  ...SD_35,
  id: 'stability-ai/stable-diffusion-3.5-large',
  title: 'Stable Diffusion 3.5 Large',
  goodAt: 'Varied styles and close attention to the prompt.',
  input: sd35Input(5),
  price: { usd_per_image: 0.065 },
});

const sd35LargeTurbo = defineModel({
  ...SD_35,
  id: 'stability-ai/stable-diffusion-3.5-large-turbo',
  title: 'Stable Diffusion 3.5 Large Turbo',
  goodAt: 'The large model in few steps: cheaper and faster.',
  input: sd35Input(1),
  price: { usd_per_image: 0.04 },
});

export const STABLE_DIFFUSION_MODELS: readonly Model[] = [sdxl, sdxlLightning, sd35Large, sd35LargeTurbo];
