import { describe, expect, it } from '@jest/globals';
import { findModel } from './catalogue.js';
import type { Model } from './model.js';
import { prepareFor } from './prepare.js';
import { refused, sent, SOURCE, warned } from './spec-support.js';

const SCHNELL = 'black-forest-labs/flux-schnell';
const DEV = 'black-forest-labs/flux-dev';
const SDXL = 'stability-ai/sdxl';
const FLUX_2 = 'black-forest-labs/flux-2-pro';
const KONTEXT = 'black-forest-labs/flux-kontext-pro';
const IDEOGRAM = 'ideogram-ai/ideogram-v3-turbo';
const SEEDREAM_4 = 'bytedance/seedream-4';
const NANO_BANANA_2 = 'google/nano-banana-2';

describe('model_options', () => {
  it('reach the model', () => {
    expect(sent({ model_options: { go_fast: false, output_quality: 0, megapixels: '0.25' } })).toMatchObject({
      go_fast: false,
      output_quality: 0,
      megapixels: '0.25',
    });
  });

  it.each([
    ['unknown', 1],
    ['constructor', 1],
    ['output_quality', 101],
    ['go_fast', 'yes'],
    ['megapixels', '2'],
    ['prompt', 'another'],
    ['seed', 3],
    ['num_outputs', 4],
    ['aspect_ratio', '1:1'],
  ])('are refused by name: %s', (name, value) => {
    expect(refused({ model_options: { [name]: value } })).toEqual([`model_options.${name}`]);
  });

  it('cannot reach the prototype of what is sent', () => {
    const options = JSON.parse('{"__proto__": {"prompt": "x"}}') as Record<string, unknown>;
    expect(refused({ model_options: options })).toEqual(['model_options.__proto__']);
  });

  it('cannot contradict a size in pixels', () => {
    for (const megapixels of ['1', '0.25']) {
      for (const side of [512, 1024]) {
        const request = { width: side, height: side, model_options: { megapixels } };
        expect(refused(request)).toEqual(['model_options.megapixels']);
      }
    }
  });

  it.each([
    [SEEDREAM_4, { width: 2048, height: 1024 }, { size: '4K' }],
    [SEEDREAM_4, { aspect_ratio: '7:4' }, { size: '4K' }],
    [SEEDREAM_4, { aspect_ratio: '16:9' }, { size: 'custom' }],
    [SEEDREAM_4, {}, { size: 'custom' }],
    [FLUX_2, { aspect_ratio: '7:4' }, { resolution: '2 MP' }],
    [IDEOGRAM, { aspect_ratio: '16:9' }, { resolution: '1024x1024' }],
    [IDEOGRAM, { width: 1024, height: 1024 }, { resolution: '1280x800' }],
  ])('cannot contradict a size that %s is asked for by other inputs: %j, %j', (model_id, size, model_options) => {
    const [option] = Object.keys(model_options);
    expect(refused({ model_id, ...size, model_options })).toEqual([`model_options.${option}`]);
  });

  it.each([
    [SCHNELL, { aspect_ratio: '16:9' }, { megapixels: '0.25' }],
    [SEEDREAM_4, { aspect_ratio: '16:9' }, { size: '4K' }],
    [FLUX_2, { aspect_ratio: '16:9' }, { resolution: '2 MP' }],
    [NANO_BANANA_2, { aspect_ratio: '4:3' }, { resolution: '4K' }],
    [IDEOGRAM, {}, { resolution: '1024x1024' }],
  ])('choose the resolution of a shape of %s: %j, %j', (model_id, size, model_options) => {
    expect(sent({ model_id, ...size, model_options })).toEqual({ prompt: 'a cat', ...size, ...model_options });
  });

  it('keep to limits that the model has beside a source', () => {
    const model_options = { safety_tolerance: 3 };
    expect(sent({ model_id: KONTEXT, model_options })).toMatchObject(model_options);
    expect(refused({ model_id: KONTEXT, model_options, source_image_url: SOURCE })).toEqual([
      'model_options.safety_tolerance',
    ]);
  });

  it('take no file of ours by its name', () => {
    expect(
      refused({ model_id: SDXL, source_image_url: SOURCE, model_options: { mask: 'storage:images/1.png' } }),
    ).toEqual(['model_options.mask']);
  });

  it('cannot set a source past its field', () => {
    expect(refused({ model_id: DEV, model_options: { image: SOURCE, prompt_strength: 0.2 } })).toEqual([
      'model_options.image',
      'model_options.prompt_strength',
    ]);
  });
});

describe('a source image', () => {
  it('comes with a strength that counts the departure from it', () => {
    expect(sent({ model_id: DEV, source_image_url: SOURCE, strength: 0.3 })).toEqual({
      prompt: 'a cat',
      image: SOURCE,
      prompt_strength: 0.3,
    });
    expect(sent({ model_id: SDXL, source_image_url: SOURCE, strength: 0 })).toMatchObject({ prompt_strength: 0 });
  });

  it('gives the result its shape', () => {
    const request = { model_id: DEV, source_image_url: SOURCE, width: 512, height: 512 };
    expect(warned(request)).toEqual(['width', 'height']);
    expect(Object.keys(sent(request))).toEqual(['prompt', 'image']);
  });

  it('gives SDXL no shape where a mask is repainted', () => {
    const request = { model_id: SDXL, source_image_url: SOURCE, aspect_ratio: '1:1' };
    expect(warned(request)).toEqual(['aspect_ratio']);
    const model_options = { mask: 'https://example.com/mask.png' };
    expect(warned({ ...request, model_options })).toEqual([]);
    expect(sent({ ...request, model_options })).toMatchObject({ ...model_options, width: 1024, height: 1024 });
  });

  it('goes before further images where a model takes a list', () => {
    const request = { model_id: FLUX_2, reference_image_urls: ['https://example.com/2.png'] };
    expect(sent(request)).toMatchObject({ input_images: ['https://example.com/2.png'] });
    expect(sent({ ...request, source_image_url: SOURCE })).toEqual({
      prompt: 'a cat',
      input_images: [SOURCE, 'https://example.com/2.png'],
      aspect_ratio: 'match_input_image',
    });
    expect(sent({ ...request, model_id: IDEOGRAM })).toEqual({
      prompt: 'a cat',
      style_reference_images: ['https://example.com/2.png'],
    });
  });

  it('gives the result of FLUX.2 its shape, unless another is asked for', () => {
    const request = { model_id: FLUX_2, source_image_url: SOURCE };
    expect(sent(request)).toMatchObject({ aspect_ratio: 'match_input_image' });
    expect(sent({ ...request, aspect_ratio: '16:9' })).toMatchObject({ aspect_ratio: '16:9' });
  });

  it('is of no use to Ideogram without a mask, nor a mask without it', () => {
    const mask = 'https://example.com/mask.png';
    expect(refused({ model_id: IDEOGRAM, source_image_url: SOURCE })).toEqual(['model_options.mask']);
    expect(refused({ model_id: IDEOGRAM, model_options: { mask } })).toEqual(['model_options.mask']);
    const both = { model_id: IDEOGRAM, source_image_url: SOURCE, model_options: { mask } };
    expect(sent(both)).toEqual({ prompt: 'a cat', image: SOURCE, mask });
    expect(warned({ ...both, aspect_ratio: '16:9' })).toEqual(['aspect_ratio']);
  });

  it('has a strength by its fidelity where an entry of the catalogue says so', () => {
    const dev = findModel(DEV)!;
    const strength = { field: 'prompt_strength', counts: 'fidelity' } as const;
    const model: Model = { ...dev, source: { ...dev.source!, strength } };
    expect(prepareFor(model, { prompt: 'a cat', source_image_url: SOURCE, strength: 0.9 })).toMatchObject({
      providerInput: { image: SOURCE, prompt_strength: 0.1 },
    });
  });
});
