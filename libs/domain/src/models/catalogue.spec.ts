import { describe, expect, it } from '@jest/globals';
import { DEFAULT_MODEL_ID, findModel, MODELS } from './catalogue.js';
import { faultOf } from './input-schema.js';
import { ownedInputs, prepareFor } from './prepare.js';
import { presentModel } from './present.js';
import { actualCostUsd } from './price.js';

const [SCHNELL, DEV, SDXL] = ['black-forest-labs/flux-schnell', 'black-forest-labs/flux-dev', 'stability-ai/sdxl'].map(
  (id) => findModel(id)!,
);

describe('the catalogue', () => {
  it('has a default that is offered', () => {
    expect(findModel(DEFAULT_MODEL_ID)).toMatchObject({ active: true });
    expect(findModel('unknown/model')).toBeNull();
  });

  it('names each model once', () => {
    expect(new Set(MODELS.map((model) => model.id)).size).toBe(MODELS.length);
  });

  it.each(MODELS.map((model) => [model.id, model] as const))('describes %s without contradiction', (_, model) => {
    const { properties, required } = model.input;
    const names = [...ownedInputs(model).keys(), ...required];
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(names));
    for (const schema of Object.values(properties)) {
      if (schema.default !== undefined) expect(faultOf(schema, schema.default)).toBeNull();
    }
    for (const choice of model.size?.by === 'choices' ? model.size.choices : []) {
      const { aspect_ratio, width, height } = choice;
      expect(prepareFor(model, { prompt: 'a cat', aspect_ratio })).toMatchObject({ ok: true, warnings: [] });
      expect(prepareFor(model, { prompt: 'a cat', width, height })).toMatchObject({ providerInput: choice.inputs });
    }
  });

  it.each(MODELS.map((model) => [model.id, model] as const))('shows defaults and sizes that %s takes', (_, model) => {
    const { defaults, sizes, aspect_ratios } = presentModel(model);
    const { strength: _strength, width, height, ...rest } = defaults;
    expect(prepareFor(model, { prompt: 'a cat', ...rest })).toMatchObject({ ok: true, warnings: [] });
    for (const size of sizes) {
      const pixels = { width: size.width, height: size.height };
      expect(prepareFor(model, { prompt: 'a cat', ...pixels })).toMatchObject({ ok: true, warnings: [] });
    }
    expect(new Set(aspect_ratios)).toEqual(new Set(sizes.map((size) => size.aspect_ratio)));
    expect(typeof width).toBe(typeof height);
  });
});

describe('presentModel', () => {
  it('describes the request fields that have an effect, by our names', () => {
    const { parameters, defaults } = presentModel(DEV!);
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
    const view = presentModel(SCHNELL!);
    expect(view.sizes).toContainEqual({ aspect_ratio: '16:9', width: 1344, height: 768 });
    expect(view).toMatchObject({
      price: { usd_per_image: 0.003 },
      output_formats: ['webp', 'jpg', 'png'],
      active: true,
    });
    expect(view.parameters.properties).not.toHaveProperty('strength');
    expect(presentModel(SDXL!)).toMatchObject({
      output_formats: ['png'],
      price: { usd_per_second: 0.000975 },
      defaults: { width: 1024, height: 1024, output_format: 'png' },
    });
  });

  it('needs a prompt even where the model has one of its own', () => {
    const { parameters } = presentModel(SDXL!);
    expect(parameters.required).toEqual(['prompt']);
    expect(parameters.properties?.prompt).not.toHaveProperty('default');
  });
});

describe('actualCostUsd', () => {
  it('counts images or seconds', () => {
    expect(actualCostUsd(SCHNELL!, { outputs: 4, predictTime: 9 })).toBe(0.012);
    expect(actualCostUsd(SDXL!, { outputs: 4, predictTime: 4.98 })).toBe(0.004856);
  });

  it('is unknown without a time, a price or a model', () => {
    expect(actualCostUsd(SDXL!, { outputs: 1, predictTime: null })).toBeNull();
    expect(actualCostUsd({ ...SDXL!, price: null }, { outputs: 1, predictTime: 1 })).toBeNull();
    expect(actualCostUsd(null, { outputs: 1, predictTime: 1 })).toBeNull();
  });
});
