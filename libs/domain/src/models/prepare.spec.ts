import { describe, expect, it } from '@jest/globals';
import { fluxDev } from './entries/flux-dev.js';
import { sdxl } from './entries/sdxl.js';
import type { Model } from './model.js';
import { prepareFor, prepareGeneration, type GenerationRequestBody } from './prepare.js';

const SCHNELL = 'black-forest-labs/flux-schnell';
const DEV = 'black-forest-labs/flux-dev';
const SDXL = 'stability-ai/sdxl';
const SOURCE = 'https://example.com/cat.png';

function accepted(request: Partial<GenerationRequestBody>) {
  const prepared = prepareGeneration({ prompt: 'a cat', ...request });
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.errors));
  return prepared;
}

function sent(request: Partial<GenerationRequestBody>) {
  return accepted(request).providerInput;
}

function warned(request: Partial<GenerationRequestBody>) {
  return accepted(request).warnings.map((warning) => warning.field);
}

function refused(request: Partial<GenerationRequestBody>) {
  const prepared = prepareGeneration({ prompt: 'a cat', ...request });
  return prepared.ok ? [] : prepared.errors.map((error) => error.field);
}

describe('prepareGeneration', () => {
  it('sends only what was asked for, to the default model', () => {
    expect(accepted({})).toMatchObject({
      ok: true,
      model: { id: SCHNELL },
      providerInput: { prompt: 'a cat' },
      providerVersion: null,
      warnings: [],
      estimatedCostUsd: 0.003,
    });
    expect(Object.keys(sent({}))).toEqual(['prompt']);
  });

  it('keeps what was asked for beside what is sent', () => {
    expect(accepted({ negative_prompt: 'blur', seed: 0 }).input).toEqual({
      prompt: 'a cat',
      negative_prompt: 'blur',
      width: null,
      height: null,
      aspect_ratio: null,
      num_inference_steps: null,
      guidance_scale: null,
      seed: 0,
      num_outputs: 1,
      output_format: null,
      source_image_url: null,
      strength: null,
      style: null,
      model_options: {},
    });
  });

  it('takes null and undefined for fields that were not given', () => {
    const nothing = {
      seed: null,
      strength: undefined,
      width: null,
      height: null,
      model_options: null,
      num_outputs: null,
    };
    expect(Object.keys(sent({ ...nothing, model_id: DEV, source_image_url: SOURCE }))).toEqual(['prompt', 'image']);
  });

  it('calls a community model by its version', () => {
    expect(accepted({ model_id: SDXL }).providerVersion).toMatch(/^7762fd07/);
  });

  it('maps our names to those of the model', () => {
    expect(sent({ model_id: DEV, guidance_scale: 4.5, num_inference_steps: 30 })).toMatchObject({
      guidance: 4.5,
      num_inference_steps: 30,
    });
    expect(sent({ model_id: SDXL, guidance_scale: 4.5 })).toMatchObject({ guidance_scale: 4.5 });
  });

  it('names a field that the model has no use for, and does not send it', () => {
    const request = { negative_prompt: 'blur', guidance_scale: 3, style: 'anime' };
    expect(warned(request)).toEqual(['negative_prompt', 'guidance_scale', 'style']);
    expect(sent(request)).toEqual({ prompt: 'a cat' });
  });

  it.each([
    ['prompt', { prompt: ' ' }],
    ['prompt', { prompt: 'x'.repeat(10_001) }],
    ['num_outputs', { num_outputs: 5 }],
    ['num_outputs', { num_outputs: 0 }],
    ['guidance_scale', { model_id: DEV, guidance_scale: 10.5 }],
    ['guidance_scale', { model_id: SDXL, guidance_scale: 0 }],
    ['seed', { seed: 1.5 }],
    ['seed', { seed: 1e300 }],
    ['output_format', { output_format: 'gif' }],
    ['output_format', { model_id: SDXL, output_format: 'webp' }],
    ['source_image_url', { source_image_url: SOURCE }],
    ['source_image_url', { model_id: DEV, source_image_url: 'file:///etc/passwd' }],
    ['strength', { model_id: DEV, source_image_url: SOURCE, strength: 1.1 }],
    ['strength', { strength: -0.1 }],
  ])('refuses %s in %j', (field, request) => {
    expect(refused(request)).toEqual([field]);
  });

  it('tells every fault of a request at once', () => {
    expect(refused({ num_inference_steps: 5, num_outputs: 9, aspect_ratio: '7:4' })).toEqual([
      'num_inference_steps',
      'num_outputs',
      'aspect_ratio',
    ]);
  });

  it('chooses a format only where it can be chosen', () => {
    expect(sent({ output_format: 'jpeg' })).toMatchObject({ output_format: 'jpg' });
    expect(sent({ model_id: SDXL, output_format: 'png' })).toEqual({ prompt: 'a cat' });
  });

  it('quotes the price of all images', () => {
    expect(accepted({ num_outputs: 4 }).estimatedCostUsd).toBe(0.012);
    expect(accepted({ model_id: DEV, num_outputs: 3 }).estimatedCostUsd).toBe(0.075);
    expect(accepted({ model_id: SDXL }).estimatedCostUsd).toBeNull();
  });
});

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

  it('is required, listed or given a fidelity where an entry of the catalogue says so', () => {
    const source = { ...fluxDev.source!, field: 'images', list: true, required: true };
    const model: Model = {
      ...fluxDev,
      source: { ...source, strength: { field: 'prompt_strength', counts: 'fidelity' } },
      input: {
        ...fluxDev.input,
        properties: {
          ...fluxDev.input.properties,
          images: { type: 'array', items: { type: 'string', format: 'uri', description: '' }, description: '' },
        },
      },
    };
    expect(prepareFor(model, { prompt: 'a cat' })).toMatchObject({ errors: [{ field: 'source_image_url' }] });
    expect(prepareFor(model, { prompt: 'a cat', source_image_url: SOURCE, strength: 0.9 })).toMatchObject({
      providerInput: { images: [SOURCE], prompt_strength: 0.1 },
    });
  });
});

it('a model that is no longer offered is unknown', () => {
  expect(prepareFor({ ...sdxl, active: false }, { prompt: 'a cat' })).toMatchObject({ code: 'unknown_model' });
});

describe('a model that makes one image, of no chosen size', () => {
  const model: Model = { ...sdxl, outputsField: null, size: null };

  it('refuses more images, and has no use for a size', () => {
    expect(prepareFor(model, { prompt: 'a cat', num_outputs: 2 })).toMatchObject({
      errors: [{ field: 'num_outputs' }],
    });
    expect(prepareFor(model, { prompt: 'a cat', num_outputs: 1, aspect_ratio: '1:1' })).toMatchObject({
      providerInput: { prompt: 'a cat' },
      warnings: [{ field: 'aspect_ratio' }],
    });
  });
});

describe('faults of the system that Darkroom replaces', () => {
  it('1: negative_prompt reached no model', () => {
    expect(sent({ model_id: SDXL, negative_prompt: 'blur' })).toMatchObject({ negative_prompt: 'blur' });
  });

  it('1: seed 0 was dropped', () => {
    for (const model_id of [SCHNELL, DEV, SDXL]) expect(sent({ model_id, seed: 0 })).toMatchObject({ seed: 0 });
  });

  it('1: 0 became the default', () => {
    expect(sent({ model_id: DEV, guidance_scale: 0 })).toMatchObject({ guidance: 0 });
    expect(refused({ num_inference_steps: 0 })).toEqual(['num_inference_steps']);
    expect(refused({ width: 0, height: 512 })).toEqual(['width']);
  });

  it('1: no limit on steps or size was enforced', () => {
    expect(refused({ model_id: SCHNELL, num_inference_steps: 5 })).toEqual(['num_inference_steps']);
    expect(refused({ model_id: DEV, num_inference_steps: 51 })).toEqual(['num_inference_steps']);
    expect(refused({ model_id: SDXL, num_inference_steps: 501 })).toEqual(['num_inference_steps']);
    expect(refused({ model_id: SDXL, width: 4096, height: 128 })).toEqual(['width', 'height']);
  });

  it('2: an undefined strength became null for FLUX', () => {
    const input = sent({ model_id: DEV, source_image_url: SOURCE, strength: undefined });
    expect(input).not.toHaveProperty('prompt_strength');
    expect(warned({ model_id: DEV, strength: 0.5 })).toEqual(['strength']);
    expect(sent({ model_id: DEV, strength: 0.5 })).not.toHaveProperty('prompt_strength');
  });

  it('2: strength meant opposite things for two model families', () => {
    const strengths = [DEV, SDXL].map((model_id) => sent({ model_id, source_image_url: SOURCE, strength: 0.2 }));
    expect(strengths.map((input) => input.prompt_strength)).toEqual([0.2, 0.2]);
  });

  it.each([
    ['7:4', 1792, 1024, '16:9'],
    ['12:5', 1536, 640, '21:9'],
    ['4:3', 1024, 768, '4:3'],
    ['5:4', 1280, 1024, '5:4'],
  ])('3: aspect ratios were reduced, not snapped: %s', (_, width, height, aspect_ratio) => {
    expect(sent({ width, height })).toEqual({ prompt: 'a cat', aspect_ratio });
  });

  it('4: wrong parameter names were sent', () => {
    const everything: Partial<GenerationRequestBody> = {
      negative_prompt: 'blur',
      width: 512,
      height: 512,
      num_inference_steps: 4,
      guidance_scale: 2,
      seed: 1,
      num_outputs: 2,
      output_format: 'png',
      strength: 0.5,
      style: 'anime',
    };
    for (const model_id of [SCHNELL, DEV, SDXL]) {
      const { model, providerInput } = accepted({ ...everything, model_id });
      expect(Object.keys(model.input.properties)).toEqual(expect.arrayContaining(Object.keys(providerInput)));
    }
  });

  it.each(['unknown/model', '0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e10', '', 'constructor', `${SCHNELL}:c846a699`])(
    '5: an unknown model or a database id was accepted and paid for: %j',
    (model_id) => {
      expect(prepareGeneration({ prompt: 'a cat', model_id })).toMatchObject({
        ok: false,
        code: 'unknown_model',
        errors: [{ field: 'model_id' }],
      });
    },
  );
});
