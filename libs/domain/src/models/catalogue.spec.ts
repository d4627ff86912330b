import { describe, expect, it } from '@jest/globals';
import { DEFAULT_MODEL_ID, findModel, MODELS } from './catalogue.js';
import { faultOf } from './input-schema.js';
import { publishedInput, type Model } from './model.js';
import { OUTPUTS_MAX, ownedInputs, prepareFor, type GenerationRequestBody } from './prepare.js';
import { presentModel } from './present.js';
import { actualCostUsd } from './price.js';
import { expectedResult } from './result.js';
import { byId, faultsByAjv, OFFERED, SOURCE } from './spec-support.js';

const [SCHNELL, DEV, SDXL, FLUX_2] = [
  'black-forest-labs/flux-schnell',
  'black-forest-labs/flux-dev',
  'stability-ai/sdxl',
  'black-forest-labs/flux-2-pro',
].map((id) => findModel(id)!) as [Model, Model, Model, Model];

/** A request with no more than what the model needs. */
const least = ({ source }: Model): GenerationRequestBody => ({
  prompt: 'a cat',
  ...(source?.required && { source_image_url: SOURCE }),
});

/** What is warned of beside a prompt that a tool has no use for. */
function prepared(model: Model, request: GenerationRequestBody) {
  const outcome = prepareFor(model, { ...least(model), ...request });
  if (!outcome.ok) throw new Error(`${model.id}: ${JSON.stringify(outcome.errors)}`);
  return { sent: outcome.providerInput, warned: outcome.warnings.filter(({ field }) => field !== 'prompt') };
}

describe('the catalogue', () => {
  it('has 33 models, each once, and a default that is offered', () => {
    expect(new Set(MODELS.map((model) => model.id)).size).toBe(33);
    expect(MODELS).toHaveLength(33);
    expect(findModel(DEFAULT_MODEL_ID)?.availability).toEqual({ state: 'offered' });
    expect(findModel('unknown/model')).toBeNull();
  });

  it('holds every model of the system that Darkroom replaces', () => {
    const named = [
      ...['flux-schnell', 'flux-dev', 'flux-krea-dev', 'flux-pro', 'flux-1.1-pro', 'flux-1.1-pro-ultra'],
      ...['flux-kontext-pro', 'flux-2-pro', 'sdxl', 'sdxl-lightning-4step', 'stable-diffusion-3.5-large'],
      ...['stable-diffusion-3.5-large-turbo', 'ideogram-v3-turbo', 'imagen-4', 'recraft-v3', 'recraft-v3-svg'],
      ...['seedream-3', 'seedream-4', 'qwen-image', 'nano-banana', 'real-esrgan', 'background-remover'],
    ];
    expect(MODELS.map(({ id }) => id.split('/')[1])).toEqual(expect.arrayContaining(named));
  });

  it('calls community models by a version, all others by their name', () => {
    const versions = MODELS.flatMap(({ version }) => version ?? []);
    expect(versions).toHaveLength(6);
    for (const version of versions) expect(version).toMatch(/^[0-9a-f]{64}$/);
  });

  it('names a successor that is offered for each that is not', () => {
    const gone = MODELS.filter(({ availability }) => availability.state !== 'offered');
    expect(gone.map(({ id }) => id)).toEqual(['google/imagen-4', 'google/imagen-4-fast', 'bytedance/seedream-3']);
    for (const model of gone) {
      const { successor } = model.availability as { successor: string };
      expect(findModel(successor)?.availability.state).toBe('offered');
      expect(prepareFor(model, { prompt: 'a cat' })).toMatchObject({
        code: 'unknown_model',
        errors: [{ field: 'model_id', message: expect.stringContaining(successor) }],
      });
    }
  });
});

describe.each(byId(OFFERED))('the entry of %s', (_, model) => {
  const { properties, required } = model.input;
  const { source, size } = model;
  const parts = { properties, required: [] };

  it('names inputs that the model has, with defaults that it takes', () => {
    const named = [
      // Always ours, so that no model can be asked for a shape past it.
      ...[...ownedInputs(model).keys()].filter((name) => name !== 'aspect_ratio'),
      ...required,
      ...(source?.mask ? [source.mask.field] : []),
      ...Object.keys(source?.shape ?? {}),
      ...Object.keys(source?.limits ?? {}),
      ...(typeof source?.scale === 'string' ? [source.scale] : []),
      ...Object.keys(size?.pixels?.beside ?? {}),
      ...Object.keys(model.published.properties ?? {}),
    ];
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(named));
    for (const schema of Object.values(properties)) {
      if (schema.default !== undefined && schema.format !== 'uri') expect(faultOf(schema, schema.default)).toBeNull();
    }
  });

  it('is of one mind on the source image', () => {
    if (source) expect(properties[source.field]?.type).toBe(source.list ? 'array' : 'string');
    if (source?.required) expect(required).toContain(source.field);
    if (model.references) expect(properties[model.references.field]?.type).toBe('array');
    if (model.kind === 'upscale' || model.kind === 'background-removal')
      expect(source).toMatchObject({ required: true });
  });

  it('asks for its sizes by inputs that make them', () => {
    expect(size && size.choices.length === 0 && !size.pixels).not.toBe(true);
    for (const { aspect_ratio, width, height, exact, inputs } of size?.choices ?? []) {
      expect(faultsByAjv(parts, inputs)).toEqual([]);
      expect(prepared(model, { aspect_ratio }).warned).toEqual([]);
      expect(expectedResult(model, inputs, null)).toMatchObject({ width, height, exact });
      const byPixels = prepared(model, { width, height });
      const made = expectedResult(model, byPixels.sent, null);
      expect(Math.abs(Math.log(made.width / made.height / (width / height)))).toBeLessThan(0.03);
      if (exact) expect(byPixels).toMatchObject({ sent: inputs, warned: [] });
    }
  });

  it('makes what it is asked for', () => {
    for (const format of model.output.formats) {
      expect(expectedResult(model, prepared(model, { output_format: format }).sent, null).format).toBe(format);
    }
    const { properties: parameters } = presentModel(model).parameters;
    const most = parameters?.num_outputs?.maximum ?? 0;
    expect(most).toBeLessThanOrEqual(OUTPUTS_MAX);
    expect(expectedResult(model, prepared(model, { num_outputs: most }).sent, null).count).toBe(most);
    expect(expectedResult(model, prepared(model, {}).sent, null).count).toBe(1);
  });

  it('is stricter than what the model publishes, never laxer', () => {
    const { sent } = prepared(model, {});
    expect(faultsByAjv(publishedInput(model), sent)).toEqual([]);
    for (const [name, schema] of Object.entries(model.published.properties ?? {})) {
      const own = properties[name]!;
      expect(own.minimum ?? -Infinity).toBeGreaterThanOrEqual(schema.minimum ?? -Infinity);
      expect(own.maximum ?? Infinity).toBeLessThanOrEqual(schema.maximum ?? Infinity);
    }
  });

  it('shows defaults and sizes that it takes', () => {
    const { defaults, sizes, aspect_ratios } = presentModel(model);
    const { strength: _strength, width, height, ...rest } = defaults;
    expect(prepared(model, rest).warned).toEqual([]);
    for (const shown of sizes.filter(({ exact }) => exact)) {
      expect(prepared(model, { width: shown.width, height: shown.height }).warned).toEqual([]);
    }
    for (const aspect_ratio of aspect_ratios) expect(prepared(model, { aspect_ratio }).warned).toEqual([]);
    expect(new Set(aspect_ratios)).toEqual(new Set(sizes.map((shown) => shown.aspect_ratio)));
    expect(typeof width).toBe(typeof height);
  });
});

describe('presentModel', () => {
  it('describes the request fields that have an effect, by our names', () => {
    const { parameters, defaults } = presentModel(DEV);
    expect(Object.keys(parameters.properties ?? {}).sort()).toEqual([
      'aspect_ratio',
      'guidance_scale',
      'height',
      'model_options',
      'num_inference_steps',
      'num_outputs',
      'output_format',
      'prompt',
      'seed',
      'source_image_url',
      'strength',
      'width',
    ]);
    expect(parameters.properties?.guidance_scale).toMatchObject({ minimum: 0, maximum: 10, default: 3 });
    expect(Object.keys(parameters.properties?.model_options?.properties ?? {}).sort()).toEqual([
      'disable_safety_checker',
      'go_fast',
      'megapixels',
      'output_quality',
    ]);
    expect(defaults).toEqual({
      num_inference_steps: 28,
      guidance_scale: 3,
      num_outputs: 1,
      output_format: 'webp',
      aspect_ratio: '1:1',
      strength: 0.8,
    });
  });

  it('shows sizes, formats and price', () => {
    const view = presentModel(SCHNELL);
    expect(view.sizes).toContainEqual({ aspect_ratio: '16:9', width: 1344, height: 768, exact: true });
    expect(view).toMatchObject({
      price: { usd_per_image: 0.003 },
      output_formats: ['webp', 'jpg', 'png'],
      max_source_images: 0,
      active: true,
      note: null,
      successor: null,
    });
    expect(view.parameters.properties).not.toHaveProperty('strength');
    expect(presentModel(SDXL)).toMatchObject({
      output_formats: ['png'],
      price: { usd_per_second: 0.000975 },
      defaults: { width: 1024, height: 1024, output_format: 'png' },
    });
    expect(presentModel(FLUX_2)).toMatchObject({
      price: { usd_per_run: 0.015, usd_per_megapixel: 0.015 },
      max_source_images: 8,
      note: expect.stringContaining('input images'),
    });
  });

  it('shows what is no longer offered, and what to take instead', () => {
    expect(presentModel(findModel('google/imagen-4')!)).toMatchObject({
      active: false,
      note: expect.stringContaining('shut it down'),
      successor: 'google/nano-banana-2',
    });
  });

  it('needs a prompt even where the model has one of its own, but for tools, which need a source', () => {
    const { parameters } = presentModel(SDXL);
    expect(parameters.required).toEqual(['prompt']);
    expect(parameters.properties?.prompt).not.toHaveProperty('default');
    expect(presentModel(findModel('philz1337x/clarity-upscaler')!).parameters.required).toEqual(['source_image_url']);
  });
});

describe('actualCostUsd', () => {
  it('counts images or seconds', () => {
    expect(actualCostUsd(SCHNELL, {}, { outputs: 4, predictTime: 9 })).toBe(0.012);
    expect(actualCostUsd(SDXL, {}, { outputs: 4, predictTime: 4.98 })).toBe(0.004856);
  });

  it('counts what was made at the price of its resolution', () => {
    const banana = findModel('google/nano-banana-2')!;
    expect(actualCostUsd(banana, {}, { outputs: 1, predictTime: 1 })).toBe(0.067);
    expect(actualCostUsd(banana, { resolution: '4K' }, { outputs: 1, predictTime: 1 })).toBe(0.151);
    expect(actualCostUsd(FLUX_2, {}, { outputs: 1, predictTime: 1 })).toBe(0.03);
    expect(actualCostUsd(FLUX_2, { resolution: '4 MP' }, { outputs: 1, predictTime: 1 })).toBe(0.075);
    expect(actualCostUsd(FLUX_2, { width: 2000, height: 1000 }, { outputs: 1, predictTime: 1 })).toBe(0.045);
  });

  it('is unknown without a time, a price or a model, or when what goes in costs as well', () => {
    const input_images = [SOURCE];
    expect(actualCostUsd(FLUX_2, { input_images }, { outputs: 1, predictTime: 1 })).toBeNull();
    expect(actualCostUsd(SDXL, {}, { outputs: 1, predictTime: null })).toBeNull();
    expect(actualCostUsd({ ...SDXL, price: null }, {}, { outputs: 1, predictTime: 1 })).toBeNull();
    expect(actualCostUsd(null, {}, { outputs: 1, predictTime: 1 })).toBeNull();
  });
});
