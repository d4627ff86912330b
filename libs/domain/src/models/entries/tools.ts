import type { Model } from '../model.js';
import { defineModel, sourceIn } from './define.js';
import { decimal, flag, image, oneOf, text, whole } from './inputs.js';

/** Inputs as recorded of this version in April 2026; that it does not shrink (a factor below 1) is ours. */
const realEsrgan = defineModel({
  id: 'nightmareai/real-esrgan',
  version: 'f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa',
  title: 'Real-ESRGAN',
  kind: 'upscale',
  goodAt: 'Enlarging an image up to ten times, true to the original.',
  input: {
    properties: {
      image: image('Source image'),
      scale: decimal('Upscale factor', { minimum: 1, maximum: 10, default: 4 }),
      face_enhance: flag('Also run GFPGAN on faces', false),
    },
    required: ['image'],
  },
  published: { properties: { scale: decimal('Upscale factor', { minimum: 0, maximum: 10, default: 4 }) } },
  fields: {},
  source: sourceIn('image', { required: true, scale: 'scale' }),
  output: { shape: 'uri', formats: ['png'] },
  price: null,
  unsure: 'No price is confirmed. There is a newer version, whose inputs are not known.',
});

/** Sides of a tile: 16 to 256. */
const TILES = Array.from({ length: 16 }, (_, index) => 16 * (index + 1));

/** Inputs as on replicate.com and recorded in April 2026; the limits of the factor are ours, as it is billed by time. Its default seed is 1337. */
const clarityUpscaler = defineModel({
  id: 'philz1337x/clarity-upscaler',
  version: 'dfad41707589d68ecdccd1dfa600d55a208f9310748e44bfe35b4a6291453d5e',
  title: 'Clarity Upscaler',
  kind: 'upscale',
  goodAt: 'Enlarging an image and inventing detail.',
  input: {
    properties: {
      prompt: text(
        'Prompt; the default includes LoRA tags',
        'masterpiece, best quality, highres, <lora:more_details:0.5> <lora:SDXLrender_v2.0:1>',
      ),
      negative_prompt: text(
        'What to keep out of the image',
        '(worst quality, low quality, normal quality:2) JuggernautNegative-neg',
      ),
      image: image('Source image'),
      mask: image('Mask of areas to leave as they are'),
      seed: whole('Random seed; schema default is 1337', { default: 1337 }),
      dynamic: decimal('HDR amount', { minimum: 1, maximum: 50, default: 6 }),
      handfix: oneOf('Repair hands', ['disabled', 'hands_only', 'image_and_hands'], 'disabled'),
      pattern: flag('Seamless tiling of a pattern', false),
      sharpen: decimal('Sharpening after upscaling; 0 = none', { minimum: 0, maximum: 10, default: 0 }),
      sd_model: oneOf(
        'Checkpoint',
        [
          'epicrealism_naturalSinRC1VAE.safetensors [84d76a0328]',
          'juggernaut_reborn.safetensors [338b85bc4f]',
          'flat2DAnimerge_v45Sharp.safetensors',
        ],
        'juggernaut_reborn.safetensors [338b85bc4f]',
      ),
      scheduler: oneOf(
        'Sampler',
        [
          'DPM++ 2M Karras',
          'DPM++ SDE Karras',
          'DPM++ 2M SDE Exponential',
          'DPM++ 2M SDE Karras',
          'Euler a',
          'Euler',
          'LMS',
          'Heun',
          'DPM2',
          'DPM2 a',
          'DPM++ 2S a',
          'DPM++ 2M',
          'DPM++ SDE',
          'DPM++ 2M SDE',
          'DPM++ 2M SDE Heun',
          'DPM++ 2M SDE Heun Karras',
          'DPM++ 2M SDE Heun Exponential',
          'DPM++ 3M SDE',
          'DPM++ 3M SDE Karras',
          'DPM++ 3M SDE Exponential',
          'DPM fast',
          'DPM adaptive',
          'LMS Karras',
          'DPM2 Karras',
          'DPM2 a Karras',
          'DPM++ 2S a Karras',
          'Restart',
          'DDIM',
          'PLMS',
          'UniPC',
        ],
        'DPM++ 3M SDE Karras',
      ),
      creativity: decimal('How much new detail to invent', { minimum: 0, maximum: 1, default: 0.35 }),
      lora_links: text('Comma-separated LoRA URLs', ''),
      downscaling: flag('Shrink the source first', false),
      resemblance: decimal('How closely to keep the source', { minimum: 0, maximum: 3, default: 0.6 }),
      scale_factor: decimal('Upscale factor', { minimum: 1, maximum: 4, default: 2 }),
      tiling_width: oneOf('Tile width; lower = more fractal detail', TILES, 112),
      output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'png'),
      tiling_height: oneOf('Tile height; lower = more fractal detail', TILES, 144),
      custom_sd_model: text('Custom checkpoint URL', ''),
      num_inference_steps: whole('Denoising steps', { minimum: 1, maximum: 100, default: 18 }),
      downscaling_resolution: whole('Resolution to shrink to', { default: 768 }),
    },
    required: ['image'],
  },
  published: { properties: { scale_factor: decimal('Upscale factor', { default: 2 }) } },
  fields: {
    prompt: 'prompt',
    negative_prompt: 'negative_prompt',
    num_inference_steps: 'num_inference_steps',
    seed: 'seed',
  },
  drawsNoSeed: true,
  formatField: 'output_format',
  source: sourceIn('image', {
    required: true,
    scale: 'scale_factor',
    mask: { field: 'mask', required: false, givesSizeBack: false },
  }),
  output: { shape: 'uri[]', formats: ['webp', 'jpg', 'png'] },
  price: null,
  unsure:
    'It is billed by time, at a rate that is not confirmed. Whether its creativity is a strength is not published: strength is not translated, the input can be set as a model option.',
});

/** Inputs as on replicate.com; there the format is free text, of which png and jpg are known. */
const backgroundRemover = defineModel({
  id: '851-labs/background-remover',
  version: 'a029dff38972b5fda4ec5d75d7d1cd25aeff621d2cf4946a41055d7db66b80bc',
  title: 'Background Remover',
  kind: 'background-removal',
  goodAt: 'Cutting out what stands in front.',
  input: {
    properties: {
      image: image('Source image'),
      format: oneOf('Output file format', ['png', 'jpg'], 'png'),
      reverse: flag('Remove the foreground instead', false),
      threshold: decimal('Hard-cut threshold 0-1; 0 = soft alpha', { default: 0 }),
      background_type: text(
        'What replaces the background: rgba, map, green, white, [R,G,B], blur, overlay, or an image path',
        'rgba',
      ),
    },
    required: ['image'],
  },
  published: { properties: { format: text('Output file format', 'png') } },
  fields: {},
  formatField: 'format',
  source: sourceIn('image', { required: true, scale: 1 }),
  output: { shape: 'uri', formats: ['png', 'jpg'] },
  price: null,
  unsure: 'No price is confirmed. That the result keeps the size of the source is usual, not published.',
});

/** Inputs as recorded; the image is not required there, and nothing works without it. */
const rembg = defineModel({
  id: 'cjwbw/rembg',
  version: 'fb8af171cfa1616ddcf1242c093f9c46bcada5ad4cf6f2fbe8b81b330ec5c003',
  title: 'rembg',
  kind: 'background-removal',
  goodAt: 'Cutting out what stands in front, without any settings.',
  input: { properties: { image: image('Source image') }, required: ['image'] },
  published: { required: [] },
  fields: {},
  source: sourceIn('image', { required: true, scale: 1 }),
  output: { shape: 'uri', formats: ['png'] },
  price: null,
  unsure: 'No price is confirmed. That the result keeps the size of the source is usual, not published.',
});

export const TOOL_MODELS: readonly Model[] = [realEsrgan, clarityUpscaler, backgroundRemover, rembg];
