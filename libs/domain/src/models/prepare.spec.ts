import { describe, expect, it } from '@jest/globals';
import { findModel } from './catalogue.js';
import type { Model } from './model.js';
import { prepareFor, prepareGeneration, type GenerationRequestBody } from './prepare.js';
import { accepted, OFFERED, refused, sent, SOURCE, warned } from './spec-support.js';

const SCHNELL = 'black-forest-labs/flux-schnell';
const DEV = 'black-forest-labs/flux-dev';
const SDXL = 'stability-ai/sdxl';
const SD35 = 'stability-ai/stable-diffusion-3.5-large';
const FLUX_PRO = 'black-forest-labs/flux-pro';
const FLUX_2 = 'black-forest-labs/flux-2-pro';
const KONTEXT = 'black-forest-labs/flux-kontext-pro';
const IDEOGRAM = 'ideogram-ai/ideogram-v3-turbo';
const SEEDREAM_4 = 'bytedance/seedream-4';
const NANO_BANANA_2 = 'google/nano-banana-2';
const RECRAFT_SVG = 'recraft-ai/recraft-v3-svg';
const LIGHTNING = 'bytedance/sdxl-lightning-4step';
const CLARITY = 'philz1337x/clarity-upscaler';
const ESRGAN = 'nightmareai/real-esrgan';

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
      source_image_id: null,
      reference_image_urls: [],
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
    ['num_outputs', { model_id: SEEDREAM_4, num_outputs: 5 }],
    ['num_outputs', { model_id: KONTEXT, num_outputs: 2 }],
    ['output_format', { model_id: IDEOGRAM, output_format: 'png' }],
    ['style', { model_id: IDEOGRAM, style: 'anime' }],
    ['source_image_url', { source_image_url: SOURCE }],
    ['source_image_url', { model_id: ESRGAN }],
    ['reference_image_urls', { reference_image_urls: [SOURCE] }],
    [
      'reference_image_urls',
      { model_id: FLUX_2, source_image_url: SOURCE, reference_image_urls: Array(8).fill(SOURCE) },
    ],
    ['reference_image_urls', { model_id: FLUX_2, reference_image_urls: ['storage:another-users.png'] }],
    ['source_image_url', { model_id: DEV, source_image_url: 'storage:another-users.png' }],
    ['source_image_url', { model_id: DEV, source_image_url: 'file:///etc/passwd' }],
    ['strength', { model_id: DEV, source_image_url: SOURCE, strength: 1.1 }],
    ['strength', { strength: -0.1 }],
  ])('refuses %s in %j', (field, request) => {
    expect(refused(request)).toEqual([field]);
  });

  it('tells every fault of a request at once', () => {
    expect(refused({ num_inference_steps: 5, num_outputs: 9, aspect_ratio: 'wide' })).toEqual([
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
    expect(accepted({ model_id: SEEDREAM_4, num_outputs: 3 }).estimatedCostUsd).toBe(0.09);
    const sharp = { model_id: NANO_BANANA_2, model_options: { resolution: '4K' } };
    expect(accepted(sharp).estimatedCostUsd).toBe(0.151);
    expect(accepted({ model_id: FLUX_2 }).estimatedCostUsd).toBe(0.03);
    expect(accepted({ model_id: FLUX_2, source_image_url: SOURCE }).estimatedCostUsd).toBeNull();
  });

  it('asks a tool without a prompt, and says when one is of no use to it', () => {
    expect(prepareGeneration({ model_id: ESRGAN, source_image_url: SOURCE })).toMatchObject({
      providerInput: { image: SOURCE },
      warnings: [],
    });
    expect(warned({ model_id: ESRGAN, source_image_url: SOURCE })).toEqual(['prompt']);
    // An empty prompt is not the same as none to it.
    expect(prepareGeneration({ prompt: ' ', model_id: CLARITY, source_image_url: SOURCE })).toMatchObject({
      providerInput: { image: SOURCE, seed: expect.any(Number) },
    });
  });

  it('asks for a group where a model makes several images only so', () => {
    const request = { model_id: SEEDREAM_4, num_outputs: 2 };
    expect(sent(request)).toEqual({ prompt: 'a cat', max_images: 2, sequential_image_generation: 'auto' });
    expect(warned(request)).toEqual(['num_outputs']);
    expect(sent({ ...request, num_outputs: 1 })).toEqual({ prompt: 'a cat', max_images: 1 });
  });
});

describe('the seed of a model that draws none', () => {
  const drawn = (model: Model, random: number, seed?: number) => {
    const source = model.source?.required ? { source_image_url: SOURCE } : {};
    const prepared = prepareFor(model, { prompt: 'a cat', seed, ...source }, { random: () => random });
    return prepared.ok && prepared.providerInput.seed;
  };

  it.each([LIGHTNING, CLARITY])('is drawn for %s, by the chance that is handed in', (id) => {
    const model = findModel(id)!;
    expect(drawn(model, 0)).toBe(0);
    expect(drawn(model, 0.5)).toBe(2 ** 30);
    expect(drawn(model, 1 - Number.EPSILON)).toBe(2 ** 31 - 1);
    expect(drawn(model, 0.5)).toBe(drawn(model, 0.5));
    expect(drawn(model, 0.5, 0)).toBe(0);
  });

  it('is another each time when no chance is handed in', () => {
    const seeds = Array.from({ length: 5 }, () => sent({ model_id: LIGHTNING }).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
  });

  it('is left to all other models', () => {
    for (const model of OFFERED.filter(({ drawsNoSeed }) => !drawsNoSeed)) expect(drawn(model, 0.5)).toBeUndefined();
  });
});

it('a model that makes one image, of no chosen size, has no use for a size', () => {
  const model: Model = { ...findModel(SDXL)!, outputs: null, size: null };
  expect(prepareFor(model, { prompt: 'a cat', num_outputs: 1, aspect_ratio: '1:1' })).toMatchObject({
    providerInput: { prompt: 'a cat' },
    warnings: [{ field: 'aspect_ratio' }],
  });
});

describe('faults of the system that Darkroom replaces', () => {
  /** The models of the catalogue that have an input for this field, and a request with it for each. */
  const withField = (field: 'negative_prompt' | 'seed', value: unknown) =>
    OFFERED.filter(({ fields }) => fields[field] !== undefined).map((model) => {
      const source = model.source?.required ? { source_image_url: SOURCE } : {};
      return { model, prepared: prepareFor(model, { prompt: 'a cat', ...source, [field]: value }) };
    });

  it('1: negative_prompt reached no model', () => {
    const negative = withField('negative_prompt', 'blur');
    expect(negative.map(({ model }) => model.id)).toEqual(
      expect.arrayContaining([SDXL, LIGHTNING, SD35, 'qwen/qwen-image', CLARITY]),
    );
    for (const { prepared } of negative) {
      expect(prepared).toMatchObject({ providerInput: { negative_prompt: 'blur' }, warnings: [] });
    }
  });

  it('1: seed 0 was dropped', () => {
    const seeded = withField('seed', 0);
    expect(seeded.length).toBeGreaterThanOrEqual(16);
    for (const { prepared } of seeded) expect(prepared).toMatchObject({ providerInput: { seed: 0 } });
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
    expect(sent({ model_id: FLUX_PRO, width: 1920, height: 1080 })).toEqual({ prompt: 'a cat', aspect_ratio: '16:9' });
    expect(warned({ model_id: FLUX_PRO, width: 1920, height: 1080 })).toEqual(['width']);
    expect(refused({ model_id: LIGHTNING, num_inference_steps: 11 })).toEqual(['num_inference_steps']);
    expect(refused({ model_id: SD35, guidance_scale: 0 })).toEqual(['guidance_scale']);
  });

  it('2: an undefined strength became null for FLUX', () => {
    const input = sent({ model_id: DEV, source_image_url: SOURCE, strength: undefined });
    expect(input).not.toHaveProperty('prompt_strength');
    expect(warned({ model_id: DEV, strength: 0.5 })).toEqual(['strength']);
    expect(sent({ model_id: DEV, strength: 0.5 })).not.toHaveProperty('prompt_strength');
  });

  it.each([0, 0.2, 1])('2: strength meant opposite things for two model families: %d', (strength) => {
    const families = [DEV, 'black-forest-labs/flux-krea-dev', SDXL, SD35, `${SD35}-turbo`];
    const strengths = families.map((model_id) => sent({ model_id, source_image_url: SOURCE, strength }));
    expect(strengths.map((input) => input.prompt_strength)).toEqual(families.map(() => strength));
  });

  it.each(['qwen/qwen-image', 'black-forest-labs/flux-1.1-pro-ultra', CLARITY, KONTEXT])(
    '2: a strength whose direction is not known is not guessed: %s',
    (model_id) => {
      const request = { model_id, source_image_url: SOURCE, strength: 0.2 };
      expect(warned(request)).toEqual(['strength']);
      const { seed: _drawn, ...without } = sent({ model_id, source_image_url: SOURCE });
      const { seed: _another, ...input } = sent(request);
      expect(input).toEqual(without);
    },
  );

  it.each([
    ['7:4', 1792, 1024, '16:9'],
    ['12:5', 1536, 640, '21:9'],
    ['4:3', 1024, 768, '4:3'],
    ['5:4', 1280, 1024, '5:4'],
  ])('3: aspect ratios were reduced, not snapped: %s', (_, width, height, aspect_ratio) => {
    expect(sent({ width, height })).toEqual({ prompt: 'a cat', aspect_ratio });
  });

  it.each([
    ['7:4', '16:9'],
    ['12:5', '21:9'],
    ['4:3', '4:3'],
    ['17:13', '4:3'],
  ])('3: aspect ratios were reduced, not snapped: %s by its name', (aspect_ratio, taken) => {
    expect(sent({ aspect_ratio })).toEqual({ prompt: 'a cat', aspect_ratio: taken });
    expect(warned({ aspect_ratio })).toEqual(aspect_ratio === taken ? [] : ['aspect_ratio']);
  });

  it('3: 4:3 became 5:4, but for models that do not know it', () => {
    const fourThirds = OFFERED.filter(({ size, source }) => size && !source?.required).map((model) => {
      const prepared = prepareFor(model, { prompt: 'a cat', aspect_ratio: '4:3' });
      return [model.id, prepared.ok && prepared.warnings.length];
    });
    const inexact = fourThirds.filter(([, warnings]) => warnings !== 0);
    expect(inexact.map(([id]) => id)).toEqual([SD35, `${SD35}-turbo`]);
    expect(sent({ model_id: SD35, aspect_ratio: '4:3' })).toEqual({ prompt: 'a cat', aspect_ratio: '5:4' });
  });

  const imagen = OFFERED.find(({ id }) => id === 'google/imagen-4')!;
  it.each<[string, Model, Partial<GenerationRequestBody>, object]>([
    ['imagen', imagen, { aspect_ratio: '4:3', output_format: 'jpeg' }, { aspect_ratio: '4:3', output_format: 'jpg' }],
    ['imagen', imagen, { width: 2048, height: 2048 }, { aspect_ratio: '1:1', image_size: '2K' }],
    ['seedream-4', findModel(SEEDREAM_4)!, { aspect_ratio: '4:3' }, { aspect_ratio: '4:3' }],
    [
      'seedream-4',
      findModel(SEEDREAM_4)!,
      { width: 2000, height: 1100, source_image_url: SOURCE },
      { size: 'custom', width: 2000, height: 1100, image_input: [SOURCE] },
    ],
    [
      'recraft SVG',
      findModel(RECRAFT_SVG)!,
      { aspect_ratio: '4:3', style: 'line_art', output_format: 'svg' },
      { size: '1365x1024', style: 'line_art' },
    ],
    ['recraft SVG', findModel(RECRAFT_SVG)!, { width: 1820, height: 1024 }, { size: '1820x1024' }],
    [
      'ideogram',
      findModel(IDEOGRAM)!,
      { aspect_ratio: '16:10', style: 'Realistic', seed: 7 },
      { aspect_ratio: '16:10', style_type: 'Realistic', seed: 7 },
    ],
    ['ideogram', findModel(IDEOGRAM)!, { width: 1312, height: 736 }, { resolution: '1312x736' }],
  ])('4: wrong parameter names were sent to %s', (_, model, request, input) => {
    const prepared = prepareFor(model, { prompt: 'a cat', ...request });
    expect(prepared).toMatchObject({ ok: true, providerInput: { prompt: 'a cat', ...input } });
    expect(Object.keys(prepared.ok ? prepared.providerInput : {})).toHaveLength(Object.keys(input).length + 1);
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
