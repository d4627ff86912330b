import { actualCostUsd, prepareFor, presentModel } from '@darkroom/domain';
import { describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { camelModel } from '../apps/gateway/src/graphql/names.js';
import { drawImage } from '../apps/simulator/src/files/draw-image.js';
import { pictureOf } from '../apps/simulator/src/files/picture.js';
import { checkInput } from '../apps/simulator/src/models/input-check.js';
import { newRecord, viewOf } from '../apps/simulator/src/predictions/prediction.js';
import { defineModel, departure, sourceIn } from '../libs/domain/src/models/entries/define.js';
import { decimal, image, oneOf, text, whole } from '../libs/domain/src/models/entries/inputs.js';
import { customPixels, shapes } from '../libs/domain/src/models/entries/sizes.js';
import { faultsByAjv, SOURCE } from '../libs/domain/src/models/spec-support.js';

const RATIOS = ['1:1', '3:1', '1:3'];

/** All that a 34th model takes: this entry, in one file of `entries/`. */
const newModel = defineModel({
  id: 'darkroom/panorama',
  title: 'Panorama',
  kind: 'text-to-image',
  goodAt: 'Wide landscapes.',
  input: {
    properties: {
      text_prompt: text('Text prompt'),
      avoid: text('What to keep out of the image'),
      aspect_ratio: oneOf('Output shape', [...RATIOS, 'free'], '1:1'),
      w: whole('Width', { minimum: 64, maximum: 1024 }),
      h: whole('Height', { minimum: 64, maximum: 1024 }),
      number: whole('How many images to make', { minimum: 1, maximum: 3, default: 1 }),
      noise: whole('Random seed', { default: 0 }),
      start: image('Source image'),
      change: decimal('How far to leave it', { minimum: 0, maximum: 1, default: 0.6 }),
      type: oneOf('File format', ['png', 'webp'], 'png'),
      mood: oneOf('Style', ['calm', 'stormy'], 'calm'),
      fog: decimal('Share of fog', { minimum: 0, maximum: 1, default: 0 }),
    },
    required: ['text_prompt'],
  },
  fields: { prompt: 'text_prompt', negative_prompt: 'avoid', seed: 'noise', style: 'mood' },
  drawsNoSeed: true,
  outputs: { field: 'number', beside: {}, mayBeFewer: false },
  formatField: 'type',
  size: {
    choices: shapes(RATIOS, [{ area: 256 * 256 }]),
    pixels: { ...customPixels({ aspect_ratio: 'free' }, 8, 256 * 256), width: 'w', height: 'h' },
  },
  source: sourceIn('start', { strength: departure('change'), givesShape: true }),
  output: { shape: 'uri[]', formats: ['png', 'webp'] },
  price: { usd_per_image: 0.01 },
});

const prepared = prepareFor(
  newModel,
  {
    prompt: 'a fjord',
    negative_prompt: 'people',
    width: 320,
    height: 200,
    num_outputs: 2,
    output_format: 'webp',
    style: 'stormy',
    model_options: { fog: 0.5 },
  },
  { random: () => 0.25 },
);
const input = prepared.ok ? prepared.providerInput : {};

describe('a model that has an entry, and nothing else', () => {
  it('is asked for by its own inputs, which its schema takes', () => {
    expect(prepared).toMatchObject({ ok: true, warnings: [], estimatedCostUsd: 0.02 });
    expect(input).toEqual({
      text_prompt: 'a fjord',
      avoid: 'people',
      aspect_ratio: 'free',
      w: 320,
      h: 200,
      number: 2,
      noise: 2 ** 29,
      type: 'webp',
      mood: 'stormy',
      fog: 0.5,
    });
    expect(faultsByAjv(newModel.input, input)).toEqual([]);
  });

  it('refuses what it does not take, by the request’s fields', () => {
    const refused = prepareFor(newModel, { prompt: 'a fjord', style: 'wild', strength: 2, num_outputs: 4 });
    expect(refused.ok ? [] : refused.errors.map(({ field }) => field)).toEqual(['style', 'num_outputs', 'strength']);
    const request = { prompt: 'a fjord', source_image_url: SOURCE, strength: 0.2, aspect_ratio: '3:1' };
    expect(prepareFor(newModel, request)).toMatchObject({
      providerInput: { start: SOURCE, change: 0.2 },
      warnings: [{ field: 'aspect_ratio' }],
    });
  });

  it('is shown with all that a form needs, by REST and by GraphQL', () => {
    const view = presentModel(newModel);
    expect(view).toMatchObject({
      id: 'darkroom/panorama',
      aspect_ratios: RATIOS,
      defaults: { num_outputs: 1, output_format: 'png', style: 'calm', strength: 0.6, aspect_ratio: '1:1' },
      output_formats: ['png', 'webp'],
      price: { usd_per_image: 0.01 },
      active: true,
    });
    expect(Object.keys(view.parameters.properties?.model_options?.properties ?? {})).toEqual(['fog']);
    expect(camelModel(view)).toMatchObject({ aspectRatios: RATIOS, parameters: { required: ['prompt'] } });
  });

  it('has a price', () => {
    expect(actualCostUsd(newModel, input, { outputs: 2, predictTime: null })).toBe(0.02);
  });

  it('is known to the simulator, with its checks and its pictures', async () => {
    expect(checkInput(newModel, input)).toEqual([]);
    expect(checkInput(newModel, { ...input, fog: 2 })).toMatchObject([{ field: 'input.fog' }]);
    const plan = { id: 'p1', model: newModel, input, seed: 1, createdAt: new Date(0), webhookEvents: [], runMs: 0 };
    const picture = await drawImage(pictureOf(plan, 0));
    expect(await sharp(picture).metadata()).toMatchObject({ width: 320, height: 200, format: 'webp' });
    const done = { ...newRecord(plan), files: ['out-0.webp', 'out-1.webp'] };
    expect(viewOf(done, { publicUrl: '', fileTtlMs: 1, now: new Date(0) }).output).toHaveLength(2);
  });
});
