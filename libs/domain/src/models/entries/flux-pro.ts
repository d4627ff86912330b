import type { Model } from '../model.js';
import type { ProviderInput } from '../price.js';
import { defineModel, sourceIn } from './define.js';
import { decimal, flag, image, images, oneOf, text, whole } from './inputs.js';
import { customPixels, MEGAPIXEL, shapes } from './sizes.js';

const RATIOS = ['1:1', '16:9', '3:2', '2:3', '4:5', '5:4', '9:16', '3:4', '4:3'];
const ULTRA_RATIOS = ['21:9', '16:9', '3:2', '4:3', '5:4', '1:1', '4:5', '3:4', '2:3', '9:16', '9:21'];
const KONTEXT_RATIOS = [
  ...['1:1', '16:9', '9:16', '4:3', '3:4', '3:2', '2:3', '4:5', '5:4'],
  ...['21:9', '9:21', '2:1', '1:2'],
];

/** Of pro and 1.1 pro. */
const INPUTS = {
  prompt: text('Text prompt'),
  image_prompt: image('Reference image (Flux Redux), used with the prompt'),
  aspect_ratio: oneOf('Output shape', ['custom', ...RATIOS], '1:1'),
  width: whole('Output width in pixels', { minimum: 256, maximum: 1440 }),
  height: whole('Output height in pixels', { minimum: 256, maximum: 1440 }),
  seed: whole('Random seed; omit for random'),
  output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
  output_quality: whole('Compression quality 0-100; not used for png', { minimum: 0, maximum: 100, default: 80 }),
  safety_tolerance: whole('Moderation tolerance; low = strict', { minimum: 1, maximum: 6, default: 2 }),
  prompt_upsampling: flag('Let the model rewrite the prompt', false),
};

/** Of pro and 1.1 pro, which round both sides to a multiple of 32. */
const SIZE = {
  choices: shapes(RATIOS, [{ area: MEGAPIXEL }]),
  pixels: customPixels({ aspect_ratio: 'custom' }, 32, MEGAPIXEL),
};

const RESOLUTION = /^([\d.]+) MP$/;

/** By its resolution, or by width and height; an input image costs as well, by a size that we do not know. */
function flux2Megapixels(input: ProviderInput): number | null {
  if (Array.isArray(input.input_images) && input.input_images.length > 0) return null;
  if (typeof input.width === 'number' && typeof input.height === 'number') {
    return (input.width * input.height) / 1_000_000;
  }
  const resolution = RESOLUTION.exec(typeof input.resolution === 'string' ? input.resolution : '1 MP');
  return resolution ? Number(resolution[1]) : null;
}

/** Inputs as recorded in April 2026. `steps` and `interval` are called deprecated there, and are still taken. */
const fluxPro = defineModel({
  id: 'black-forest-labs/flux-pro',
  title: 'FLUX.1 [pro]',
  kind: 'text-to-image',
  goodAt: 'The first generation of FLUX at its best; newer ones follow a prompt more closely.',
  input: {
    properties: {
      ...INPUTS,
      steps: whole('Marked deprecated', { minimum: 1, maximum: 50, default: 25 }),
      guidance: decimal('Prompt guidance strength', { minimum: 2, maximum: 5, default: 3 }),
      interval: decimal('Marked deprecated', { minimum: 1, maximum: 4, default: 2 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', num_inference_steps: 'steps', guidance_scale: 'guidance', seed: 'seed' },
  formatField: 'output_format',
  size: SIZE,
  source: sourceIn('image_prompt'),
  output: { shape: 'uri', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.055 },
});

/** Inputs as recorded in November 2024; price from replicate.com/pricing, October 2026. */
const flux11Pro = defineModel({
  id: 'black-forest-labs/flux-1.1-pro',
  title: 'FLUX1.1 [pro]',
  kind: 'text-to-image',
  goodAt: 'High quality at any size up to 1440 pixels a side.',
  input: {
    properties: INPUTS,
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', seed: 'seed' },
  formatField: 'output_format',
  size: SIZE,
  source: sourceIn('image_prompt'),
  output: { shape: 'uri', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_image: 0.04 },
  unsure: 'The aspect ratios are those that were recorded in 2024-11.',
});

/** Inputs as recorded in April 2026. */
const flux11ProUltra = defineModel({
  id: 'black-forest-labs/flux-1.1-pro-ultra',
  title: 'FLUX1.1 [pro] Ultra',
  kind: 'text-to-image',
  goodAt: 'Large images of about four megapixels; a raw look for photographs.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      image_prompt: image('Reference image (Flux Redux), used with the prompt'),
      aspect_ratio: oneOf('Output shape', ULTRA_RATIOS, '1:1'),
      raw: flag('Less processed look', false),
      seed: whole('Random seed; omit for random'),
      output_format: oneOf('File format of the result', ['jpg', 'png'], 'jpg'),
      safety_tolerance: whole('Moderation tolerance; low = strict', { minimum: 1, maximum: 6, default: 2 }),
      image_prompt_strength: decimal('Blend between prompt and image_prompt', { minimum: 0, maximum: 1, default: 0.1 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', seed: 'seed' },
  formatField: 'output_format',
  size: {
    choices: shapes(ULTRA_RATIOS, [{ area: 4 * MEGAPIXEL }]),
    pixels: null,
  },
  source: sourceIn('image_prompt'),
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.06 },
  unsure:
    'Which end of image_prompt_strength favours the image is not published: strength is not translated, the input can be set as a model option. Pixels are about four megapixels.',
});

/** Inputs as on replicate.com and recorded in April 2026. It edits by instruction, and has no strength. */
const fluxKontextPro = defineModel({
  id: 'black-forest-labs/flux-kontext-pro',
  title: 'FLUX.1 Kontext [pro]',
  kind: 'image-to-image',
  goodAt: 'Editing an image by an instruction in words.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      input_image: image('Image to edit or use as reference'),
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...KONTEXT_RATIOS], 'match_input_image'),
      seed: whole('Random seed; omit for random'),
      output_format: oneOf('File format of the result', ['jpg', 'png'], 'png'),
      safety_tolerance: whole('0 strict to 6 permissive; at most 2 when an input image is sent', {
        minimum: 0,
        maximum: 6,
        default: 2,
      }),
      prompt_upsampling: flag('Let the model rewrite the prompt', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', seed: 'seed' },
  formatField: 'output_format',
  size: {
    choices: shapes(KONTEXT_RATIOS, [{ area: MEGAPIXEL }]),
    pixels: null,
  },
  source: sourceIn('input_image', { limits: { safety_tolerance: { maximum: 2 } } }),
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.04 },
});

/** Inputs as on replicate.com and recorded in April 2026. */
const flux2Pro = defineModel({
  id: 'black-forest-labs/flux-2-pro',
  title: 'FLUX.2 [pro]',
  kind: 'text-to-image',
  goodAt: 'Top quality, with up to eight reference images.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      input_images: images('Up to 8 reference images (jpeg, png, gif, webp)', []),
      aspect_ratio: oneOf('Output shape', ['match_input_image', 'custom', ...RATIOS], '1:1'),
      resolution: oneOf(
        'Megapixel tier; above 2 MP not recommended',
        ['match_input_image', '0.5 MP', '1 MP', '2 MP', '4 MP'],
        '1 MP',
      ),
      width: whole('Output width in pixels', { minimum: 256, maximum: 2048 }),
      height: whole('Output height in pixels', { minimum: 256, maximum: 2048 }),
      seed: whole('Random seed; omit for random'),
      output_format: oneOf('File format of the result', ['webp', 'jpg', 'png'], 'webp'),
      output_quality: whole('Compression quality 0-100; not used for png', { minimum: 0, maximum: 100, default: 80 }),
      safety_tolerance: whole('1 strict to 5 permissive', { minimum: 1, maximum: 5, default: 2 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', seed: 'seed' },
  formatField: 'output_format',
  size: {
    choices: shapes(RATIOS, [
      { area: MEGAPIXEL },
      { area: MEGAPIXEL / 2, inputs: { resolution: '0.5 MP' } },
      { area: 2 * MEGAPIXEL, inputs: { resolution: '2 MP' } },
      { area: 4 * MEGAPIXEL, inputs: { resolution: '4 MP' } },
    ]),
    pixels: customPixels({ aspect_ratio: 'custom' }, 16, MEGAPIXEL),
  },
  source: sourceIn('input_images', { list: true, shape: { aspect_ratio: 'match_input_image' } }),
  references: { field: 'input_images', max: 8 },
  output: { shape: 'uri', formats: ['webp', 'jpg', 'png'] },
  price: { usd_per_run: 0.015, usd_per_megapixel: 0.015, megapixels: flux2Megapixels },
  unsure:
    'What input images cost depends on their size, so nothing is quoted with one. Whether megapixels are rounded up is not published.',
});

export const FLUX_PRO_MODELS: readonly Model[] = [fluxPro, flux11Pro, flux11ProUltra, fluxKontextPro, flux2Pro];
