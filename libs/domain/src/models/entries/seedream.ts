import type { Model } from '../model.js';
import { defineModel, sourceIn } from './define.js';
import { decimal, flag, images, oneOf, text, whole } from './inputs.js';
import { customPixels, MEGAPIXEL, shapes } from './sizes.js';

const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'];
const RATIOS_45 = ['1:1', '4:3', '3:4', '4:5', '5:4', '16:9', '9:16', '3:2', '2:3', '21:9', '9:21'];
const RATIOS_3 = ['1:1', '3:4', '4:3', '16:9', '9:16', '2:3', '3:2', '21:9'];

/** Several images are a group, of which the model decides how many there are. */
const GROUP = { field: 'max_images', beside: { sequential_image_generation: 'auto' }, mayBeFewer: true } as const;

/** Inputs that Seedream 4 and later share. */
const SEEDREAM = {
  prompt: text('Text prompt'),
  sequential_image_generation: oneOf('Single image or a model-chosen group', ['disabled', 'auto'], 'disabled'),
};

/** Inputs as on replicate.com and recorded in 2026. */
const seedream5Lite = defineModel({
  id: 'bytedance/seedream-5-lite',
  title: 'Seedream 5 Lite',
  kind: 'text-to-image',
  goodAt: 'Images of 2K or 3K from text or several images.',
  input: {
    properties: {
      ...SEEDREAM,
      image_input: images('1-14 reference images', []),
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...RATIOS], 'match_input_image'),
      size: oneOf('Resolution tier', ['2K', '3K'], '2K'),
      max_images: whole('Upper limit of images in auto mode', { minimum: 1, maximum: 15, default: 1 }),
      output_format: oneOf('File format of the result', ['png', 'jpeg'], 'png'),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  outputs: GROUP,
  formatField: 'output_format',
  size: {
    choices: shapes(RATIOS, [{ area: 4 * MEGAPIXEL }, { area: 9 * MEGAPIXEL, inputs: { size: '3K' } }]),
    pixels: null,
  },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri[]', formats: ['png', 'jpeg'] },
  price: { usd_per_image: 0.035 },
  unsure:
    'Whether image_input is a list was recorded in two ways; it is sent as a list. Pixels of a ratio are about 2K or 3K.',
});

/** Inputs as on replicate.com and in a catalogue of late 2026. */
const seedream45 = defineModel({
  id: 'bytedance/seedream-4.5',
  title: 'Seedream 4.5',
  kind: 'text-to-image',
  goodAt: 'Images of up to 4K with better detail and layout.',
  input: {
    properties: {
      ...SEEDREAM,
      image_input: images('1-14 reference images', []),
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...RATIOS_45], 'match_input_image'),
      size: oneOf('Resolution tier or custom', ['2K', '4K', 'custom'], '2K'),
      width: whole('Output width in pixels', { minimum: 1024, maximum: 4096, default: 2048 }),
      height: whole('Output height in pixels', { minimum: 1024, maximum: 4096, default: 2048 }),
      max_images: whole('Upper limit of images in auto mode', { minimum: 1, maximum: 15, default: 1 }),
      disable_safety_checker: flag('Turn the safety checker off', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  outputs: GROUP,
  size: {
    choices: shapes(RATIOS_45, [{ area: 4 * MEGAPIXEL }, { area: 16 * MEGAPIXEL, inputs: { size: '4K' } }]),
    pixels: customPixels({ size: 'custom' }, 1, 4 * MEGAPIXEL),
  },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri[]', formats: [] },
  price: { usd_per_image: 0.04 },
  unsure:
    'The file format is not published. The inputs changed during 2026: custom sizes and the ratios 4:5, 5:4 and 9:21 are the newest. Pixels of a ratio are about 2K or 4K.',
});

/** Inputs as on replicate.com and recorded in 2026. */
const seedream4 = defineModel({
  id: 'bytedance/seedream-4',
  title: 'Seedream 4',
  kind: 'text-to-image',
  goodAt: 'Images of up to 4K from text or several images, at one price.',
  input: {
    properties: {
      ...SEEDREAM,
      image_input: images('1-10 reference images', []),
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...RATIOS], 'match_input_image'),
      size: oneOf('Resolution tier or custom', ['1K', '2K', '4K', 'custom'], '2K'),
      width: whole('Width when size is custom', { minimum: 1024, maximum: 4096, default: 2048 }),
      height: whole('Height when size is custom', { minimum: 1024, maximum: 4096, default: 2048 }),
      max_images: whole('Upper limit in auto mode; inputs + outputs at most 15', {
        minimum: 1,
        maximum: 15,
        default: 1,
      }),
      enhance_prompt: flag('Rewrite the prompt for quality', true),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  outputs: GROUP,
  size: {
    choices: shapes(RATIOS, [
      { area: 4 * MEGAPIXEL },
      { area: MEGAPIXEL, inputs: { size: '1K' } },
      { area: 16 * MEGAPIXEL, inputs: { size: '4K' } },
    ]),
    pixels: customPixels({ size: 'custom' }, 1, 4 * MEGAPIXEL),
  },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 10 },
  output: { shape: 'uri[]', formats: ['jpg'] },
  price: { usd_per_image: 0.03 },
  typicalSeconds: 14.4,
});

/** Inputs as recorded in 2025 and late 2026. */
const seedream3 = defineModel({
  id: 'bytedance/seedream-3',
  title: 'Seedream 3',
  kind: 'text-to-image',
  goodAt: 'Images of up to two megapixels.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      aspect_ratio: oneOf('Output shape', [...RATIOS_3, 'custom'], '16:9'),
      size: oneOf('Size tier', ['small', 'regular', 'big'], 'regular'),
      width: whole('Output width in pixels', { minimum: 512, maximum: 2048, default: 2048 }),
      height: whole('Output height in pixels', { minimum: 512, maximum: 2048, default: 2048 }),
      seed: whole('Random seed; omit for random'),
      guidance_scale: decimal('Classifier-free guidance scale', { minimum: 1, maximum: 10, default: 2.5 }),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', guidance_scale: 'guidance_scale', seed: 'seed' },
  size: {
    choices: shapes(RATIOS_3, [
      { area: MEGAPIXEL },
      // A short side of 512.
      { area: (stretch) => 512 ** 2 * stretch, inputs: { size: 'small' } },
      // A long side of 2048.
      { area: (stretch) => 2048 ** 2 / stretch, inputs: { size: 'big' } },
    ]),
    pixels: customPixels({ aspect_ratio: 'custom' }, 1, MEGAPIXEL),
  },
  output: { shape: 'uri', formats: [] },
  price: { usd_per_image: 0.03 },
  availability: {
    state: 'failing',
    note: 'it was reported to fail in late 2026',
    successor: 'bytedance/seedream-4',
  },
});

export const SEEDREAM_MODELS: readonly Model[] = [seedream5Lite, seedream45, seedream4, seedream3];
