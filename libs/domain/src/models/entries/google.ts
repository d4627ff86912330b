import type { Model } from '../model.js';
import { defineModel, sourceIn } from './define.js';
import { flag, images, oneOf, text } from './inputs.js';
import { MEGAPIXEL, shapes } from './sizes.js';

const IMAGEN_RATIOS = ['1:1', '9:16', '16:9', '3:4', '4:3'];
const NANO_BANANA_RATIOS = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'];
const NANO_BANANA_2_RATIOS = [
  ...['1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3'],
  ...['4:5', '5:4', '8:1', '9:16', '16:9', '21:9'],
];

const SAFETY_FILTER = oneOf(
  'Safety filter; low_and_above strictest, only_high most permissive',
  ['block_low_and_above', 'block_medium_and_above', 'block_only_high'],
  'block_only_high',
);

const SHUT_DOWN = {
  state: 'retired',
  note: 'its maker has shut it down',
  successor: 'google/nano-banana-2',
} as const;

/** Inputs that the two Imagen models share. */
const IMAGEN_4 = {
  prompt: text('Text prompt'),
  aspect_ratio: oneOf('Output shape', IMAGEN_RATIOS, '1:1'),
  output_format: oneOf('File format of the result', ['jpg', 'png'], 'jpg'),
  safety_filter_level: SAFETY_FILTER,
};

/** Inputs that the Nano Banana models share. */
const NANO_BANANA = {
  prompt: text('Text prompt'),
  image_input: images('Reference images', []),
  output_format: oneOf('File format of the result', ['jpg', 'png'], 'jpg'),
};

/** Inputs as recorded in March and April 2026. */
const nanoBanana = defineModel({
  id: 'google/nano-banana',
  title: 'Nano Banana',
  kind: 'image-to-image',
  goodAt: 'Editing and combining images by instructions in words.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...NANO_BANANA_RATIOS], 'match_input_image'),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  formatField: 'output_format',
  size: { choices: shapes(NANO_BANANA_RATIOS, [{ area: MEGAPIXEL }]), pixels: null },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 3 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.039 },
  typicalSeconds: 10.5,
  unsure: 'How many input images it takes is not published; three are allowed.',
});

/** Inputs as on replicate.com and recorded in 2026. */
const nanoBanana2 = defineModel({
  id: 'google/nano-banana-2',
  title: 'Nano Banana 2',
  kind: 'image-to-image',
  goodAt: 'Editing and combining up to fourteen images, up to 4K.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...NANO_BANANA_2_RATIOS], 'match_input_image'),
      resolution: oneOf('Resolution tier', ['1K', '2K', '4K'], '1K'),
      image_search: flag('Ground with Google image search', false),
      google_search: flag('Ground with Google web search', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  formatField: 'output_format',
  size: {
    choices: shapes(NANO_BANANA_2_RATIOS, [
      { area: MEGAPIXEL },
      { area: 4 * MEGAPIXEL, inputs: { resolution: '2K' } },
      { area: 16 * MEGAPIXEL, inputs: { resolution: '4K' } },
    ]),
    pixels: null,
  },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: {
    usd_per_image: 0.067,
    otherwise: { input: 'resolution', usd_per_image: { '2K': 0.101, '4K': 0.151 } },
  },
});

/** Inputs as on replicate.com and recorded in 2026. */
const nanoBananaPro = defineModel({
  id: 'google/nano-banana-pro',
  title: 'Nano Banana Pro',
  kind: 'image-to-image',
  goodAt: 'Demanding edits, diagrams and text in images, up to 4K.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf('Output shape', ['match_input_image', ...NANO_BANANA_RATIOS], 'match_input_image'),
      resolution: oneOf('Resolution tier', ['1K', '2K', '4K'], '2K'),
      safety_filter_level: SAFETY_FILTER,
      allow_fallback_model: flag('Use another model when at capacity', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  formatField: 'output_format',
  size: {
    choices: shapes(NANO_BANANA_RATIOS, [
      { area: 4 * MEGAPIXEL },
      { area: MEGAPIXEL, inputs: { resolution: '1K' } },
      { area: 16 * MEGAPIXEL, inputs: { resolution: '4K' } },
    ]),
    pixels: null,
  },
  source: sourceIn('image_input', { list: true }),
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: {
    usd_per_image: 0.15,
    otherwise: { input: 'resolution', usd_per_image: { '4K': 0.3 } },
  },
  unsure: 'With allow_fallback_model another model may answer, at another price than the one that was quoted.',
});

/** Inputs as recorded in March 2026, before it was shut down. */
const imagen4 = defineModel({
  id: 'google/imagen-4',
  title: 'Imagen 4',
  kind: 'text-to-image',
  goodAt: 'Photographs and typography; shut down by its maker.',
  input: {
    properties: {
      ...IMAGEN_4,
      image_size: oneOf('Resolution tier', ['1K', '2K'], '1K'),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  formatField: 'output_format',
  size: {
    choices: shapes(IMAGEN_RATIOS, [{ area: MEGAPIXEL }, { area: 4 * MEGAPIXEL, inputs: { image_size: '2K' } }]),
    pixels: null,
  },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.04 },
  availability: SHUT_DOWN,
});

/** Inputs as on replicate.com, before it was shut down. */
const imagen4Fast = defineModel({
  id: 'google/imagen-4-fast',
  title: 'Imagen 4 Fast',
  kind: 'text-to-image',
  goodAt: 'Quick images; shut down by its maker.',
  input: {
    properties: IMAGEN_4,
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  formatField: 'output_format',
  size: { choices: shapes(IMAGEN_RATIOS, [{ area: MEGAPIXEL }]), pixels: null },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.02 },
  availability: SHUT_DOWN,
});

export const GOOGLE_MODELS: readonly Model[] = [nanoBanana, nanoBanana2, nanoBananaPro, imagen4, imagen4Fast];
