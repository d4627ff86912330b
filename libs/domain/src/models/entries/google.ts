import type { Model } from '../model.js';
import { flag, images, oneOf, text } from './inputs.js';
import { MEGAPIXEL, shapes } from './sizes.js';

/** Inputs that the two Imagen models share. */
const IMAGEN_4 = {
  prompt: text('Text prompt'),
  aspect_ratio: oneOf('Output shape', ['1:1', '9:16', '16:9', '3:4', '4:3'], '1:1'),
  output_format: oneOf('File format of the result', ['jpg', 'png'], 'jpg'),
  safety_filter_level: oneOf(
    'Safety filter; low_and_above strictest, only_high most permissive',
    ['block_low_and_above', 'block_medium_and_above', 'block_only_high'],
    'block_only_high',
  ),
};

/** Inputs that the Nano Banana models share. */
const NANO_BANANA = {
  prompt: text('Text prompt'),
  image_input: images('Reference images'),
  output_format: oneOf('File format of the result', ['jpg', 'png'], 'jpg'),
};

const IMAGEN_RATIOS = ['1:1', '9:16', '16:9', '3:4', '4:3'];
const NANO_BANANA_RATIOS = ['1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'];

/** Inputs as recorded in March and April 2026. */
const nanoBanana: Model = {
  id: 'google/nano-banana',
  version: null,
  title: 'Nano Banana',
  kind: 'image-to-image',
  goodAt: 'Editing and combining images by instructions in words.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf(
        'Output shape',
        ['match_input_image', '1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'],
        'match_input_image',
      ),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  drawsNoSeed: false,
  outputs: null,
  formatField: 'output_format',
  size: { choices: shapes(NANO_BANANA_RATIOS, [{ area: MEGAPIXEL }]), pixels: null },
  source: {
    field: 'image_input',
    list: true,
    required: false,
    strength: null,
    givesShape: false,
    shape: {},
    mask: null,
  },
  references: { field: 'image_input', max: 3 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.039 },
  typicalSeconds: 10.5,
  availability: { state: 'offered' },
  unsure: 'How many input images it takes is not published; three are allowed.',
};

/** Inputs as on replicate.com and recorded in 2026. */
const nanoBanana2: Model = {
  id: 'google/nano-banana-2',
  version: null,
  title: 'Nano Banana 2',
  kind: 'image-to-image',
  goodAt: 'Editing and combining up to fourteen images, up to 4K.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf(
        'Output shape',
        [
          'match_input_image',
          '1:1',
          '1:4',
          '1:8',
          '2:3',
          '3:2',
          '3:4',
          '4:1',
          '4:3',
          '4:5',
          '5:4',
          '8:1',
          '9:16',
          '16:9',
          '21:9',
        ],
        'match_input_image',
      ),
      resolution: oneOf('Resolution tier', ['1K', '2K', '4K'], '1K'),
      image_search: flag('Ground with Google image search', false),
      google_search: flag('Ground with Google web search', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  drawsNoSeed: false,
  outputs: null,
  formatField: 'output_format',
  size: {
    choices: shapes(
      ['1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', '21:9'],
      [
        { area: MEGAPIXEL },
        { area: 4 * MEGAPIXEL, inputs: { resolution: '2K' } },
        { area: 16 * MEGAPIXEL, inputs: { resolution: '4K' } },
      ],
    ),
    pixels: null,
  },
  source: {
    field: 'image_input',
    list: true,
    required: false,
    strength: null,
    givesShape: false,
    shape: {},
    mask: null,
  },
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: {
    usd_per_image: 0.067,
    otherwise: { input: 'resolution', usd_per_image: { '2K': 0.101, '4K': 0.151 } },
  },
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: null,
};

/** Inputs as on replicate.com and recorded in 2026. */
const nanoBananaPro: Model = {
  id: 'google/nano-banana-pro',
  version: null,
  title: 'Nano Banana Pro',
  kind: 'image-to-image',
  goodAt: 'Demanding edits, diagrams and text in images, up to 4K.',
  input: {
    properties: {
      ...NANO_BANANA,
      aspect_ratio: oneOf(
        'Output shape',
        ['match_input_image', '1:1', '2:3', '3:2', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9'],
        'match_input_image',
      ),
      resolution: oneOf('Resolution tier', ['1K', '2K', '4K'], '2K'),
      safety_filter_level: oneOf(
        'Safety filter; low_and_above strictest, only_high most permissive',
        ['block_low_and_above', 'block_medium_and_above', 'block_only_high'],
        'block_only_high',
      ),
      allow_fallback_model: flag('Use another model when at capacity', false),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  drawsNoSeed: false,
  outputs: null,
  formatField: 'output_format',
  size: {
    choices: shapes(NANO_BANANA_RATIOS, [
      { area: 4 * MEGAPIXEL },
      { area: MEGAPIXEL, inputs: { resolution: '1K' } },
      { area: 16 * MEGAPIXEL, inputs: { resolution: '4K' } },
    ]),
    pixels: null,
  },
  source: {
    field: 'image_input',
    list: true,
    required: false,
    strength: null,
    givesShape: false,
    shape: {},
    mask: null,
  },
  references: { field: 'image_input', max: 14 },
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: {
    usd_per_image: 0.15,
    otherwise: { input: 'resolution', usd_per_image: { '4K': 0.3 } },
  },
  typicalSeconds: null,
  availability: { state: 'offered' },
  unsure: null,
};

/** Inputs as recorded in March 2026, before it was shut down. */
const imagen4: Model = {
  id: 'google/imagen-4',
  version: null,
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
  drawsNoSeed: false,
  outputs: null,
  formatField: 'output_format',
  size: {
    choices: shapes(IMAGEN_RATIOS, [{ area: MEGAPIXEL }, { area: 4 * MEGAPIXEL, inputs: { image_size: '2K' } }]),
    pixels: null,
  },
  source: null,
  references: null,
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.04 },
  typicalSeconds: null,
  availability: {
    state: 'retired',
    note: 'its maker has shut it down',
    successor: 'google/nano-banana-2',
  },
  unsure: null,
};

/** Inputs as on replicate.com, before it was shut down. */
const imagen4Fast: Model = {
  id: 'google/imagen-4-fast',
  version: null,
  title: 'Imagen 4 Fast',
  kind: 'text-to-image',
  goodAt: 'Quick images; shut down by its maker.',
  input: {
    properties: {
      ...IMAGEN_4,
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  drawsNoSeed: false,
  outputs: null,
  formatField: 'output_format',
  size: { choices: shapes(IMAGEN_RATIOS, [{ area: MEGAPIXEL }]), pixels: null },
  source: null,
  references: null,
  output: { shape: 'uri', formats: ['jpg', 'png'] },
  price: { usd_per_image: 0.02 },
  typicalSeconds: null,
  availability: {
    state: 'retired',
    note: 'its maker has shut it down',
    successor: 'google/nano-banana-2',
  },
  unsure: null,
};

export const GOOGLE_MODELS: readonly Model[] = [nanoBanana, nanoBanana2, nanoBananaPro, imagen4, imagen4Fast];
