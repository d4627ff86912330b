import type { Model } from '../model.js';
import { defineModel, sourceIn } from './define.js';
import { image, oneOf, text } from './inputs.js';
import { resolutions } from './sizes.js';

const V3_RATIOS = [
  ...['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '1:2'],
  ...['2:1', '7:5', '5:7', '4:5', '5:4', '3:5', '5:3'],
];
const V3_PIXELS = [
  ...['1024x1024', '1365x1024', '1024x1365', '1536x1024', '1024x1536', '1820x1024', '1024x1820', '1024x2048'],
  ...['2048x1024', '1434x1024', '1024x1434', '1024x1280', '1280x1024', '1024x1707', '1707x1024'],
];
const V3_SIZES = resolutions('size', V3_PIXELS, V3_RATIOS);

const V4_RATIOS = [
  ...['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16'],
  ...['1:2', '2:1', '14:10', '10:14', '4:5', '5:4', '6:10'],
];
const V4_PIXELS = [
  ...['1024x1024', '1536x768', '768x1536', '1280x832', '832x1280', '1216x896', '896x1216'],
  ...['1152x896', '896x1152', '832x1344', '1280x896', '896x1280', '1344x768', '768x1344'],
];
const V4_SIZES = resolutions('size', V4_PIXELS, V4_RATIOS);

/** Inputs that V3 and V3 SVG share. A size is asked for in pixels, as those are exact. */
const RECRAFT_V3 = {
  prompt: text('Text prompt'),
  aspect_ratio: oneOf('Output shape; beside it size has no effect', ['Not set', ...V3_RATIOS], 'Not set'),
  size: oneOf('Output size in pixels', V3_PIXELS, '1024x1024'),
};

/** Inputs as recorded in April 2026. */
const recraftV3 = defineModel({
  id: 'recraft-ai/recraft-v3',
  title: 'Recraft V3',
  kind: 'text-to-image',
  goodAt: 'Design in named styles, with long texts in the image.',
  input: {
    properties: {
      ...RECRAFT_V3,
      style: oneOf(
        'Style of the result',
        [
          'any',
          'realistic_image',
          'digital_illustration',
          'digital_illustration/pixel_art',
          'digital_illustration/hand_drawn',
          'digital_illustration/grain',
          'digital_illustration/infantile_sketch',
          'digital_illustration/2d_art_poster',
          'digital_illustration/handmade_3d',
          'digital_illustration/hand_drawn_outline',
          'digital_illustration/engraving_color',
          'digital_illustration/2d_art_poster_2',
          'realistic_image/b_and_w',
          'realistic_image/hard_flash',
          'realistic_image/hdr',
          'realistic_image/natural_light',
          'realistic_image/studio_portrait',
          'realistic_image/enterprise',
          'realistic_image/motion_blur',
        ],
        'any',
      ),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', style: 'style' },
  size: { choices: V3_SIZES, pixels: null },
  output: { shape: 'uri', formats: ['webp'] },
  price: { usd_per_image: 0.04 },
  unsure: 'That the file is WebP was last seen in 2024.',
});

/** Inputs as recorded in April 2026. */
const recraftV3Svg = defineModel({
  id: 'recraft-ai/recraft-v3-svg',
  title: 'Recraft V3 SVG',
  kind: 'svg',
  goodAt: 'Vector images: logos and icons that scale.',
  input: {
    properties: {
      ...RECRAFT_V3,
      style: oneOf('Style of the result', ['any', 'engraving', 'line_art', 'line_circuit', 'linocut'], 'any'),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt', style: 'style' },
  size: { choices: V3_SIZES, pixels: null },
  output: { shape: 'uri', formats: ['svg'] },
  price: { usd_per_image: 0.08 },
  unsure: 'That the file is an SVG of the size asked for was last seen in 2024.',
});

/** Inputs as recorded in March and April 2026. */
const recraftV4 = defineModel({
  id: 'recraft-ai/recraft-v4',
  title: 'Recraft V4',
  kind: 'text-to-image',
  goodAt: 'Design and composition with little prompting.',
  input: {
    properties: {
      prompt: text('Text prompt'),
      aspect_ratio: oneOf('Output shape; beside it size has no effect', ['Not set', ...V4_RATIOS], 'Not set'),
      size: oneOf('Output size in pixels', V4_PIXELS, '1024x1024'),
    },
    required: ['prompt'],
  },
  fields: { prompt: 'prompt' },
  size: { choices: V4_SIZES, pixels: null },
  output: { shape: 'uri', formats: [] },
  price: null,
  unsure: 'Neither its price nor its file format is confirmed.',
});

/** Inputs are inferred: no schema page was found. */
const recraftCrispUpscale = defineModel({
  id: 'recraft-ai/recraft-crisp-upscale',
  title: 'Recraft Crisp Upscale',
  kind: 'upscale',
  goodAt: 'Enlarging an image quickly, true to the original.',
  input: { properties: { image: image('Image to upscale') }, required: ['image'] },
  fields: {},
  source: sourceIn('image', { required: true, scale: 4 }),
  output: { shape: 'uri', formats: ['webp'] },
  price: { usd_per_image: 0.006 },
  unsure:
    'No schema was found: that it takes an image alone, answers one file and enlarges it four times is inferred from its sibling and its callers.',
});

export const RECRAFT_MODELS: readonly Model[] = [recraftV3, recraftV3Svg, recraftV4, recraftCrispUpscale];
