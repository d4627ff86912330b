import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MODELS } from './catalogue.js';
import { faultOf } from './input-schema.js';
import { prepareGeneration, type GenerationRequestBody } from './prepare.js';

const maybe = <T>(value: fc.Arbitrary<T>) => fc.oneof(value, fc.constantFrom(null, undefined));
const side = fc.oneof(
  fc.integer({ min: 32, max: 256 }).map((eighth) => eighth * 8),
  fc.integer(),
);
const option = fc.oneof(fc.boolean(), fc.integer({ min: -1, max: 101 }), fc.constantFrom('1', '0.25', 'DDIM', null));
const optionName = fc.oneof(
  fc.constantFrom(...MODELS.flatMap((model) => Object.keys(model.input.properties))),
  fc.string(),
);

const requests: fc.Arbitrary<GenerationRequestBody> = fc.record({
  prompt: fc.string(),
  model_id: maybe(fc.constantFrom(...MODELS.map((model) => model.id))),
  negative_prompt: maybe(fc.string()),
  width: maybe(side),
  height: maybe(side),
  aspect_ratio: fc.option(fc.constantFrom('1:1', '16:9', '7:4', 'wide'), { freq: 4 }),
  num_inference_steps: maybe(fc.integer({ min: 0, max: 60 })),
  guidance_scale: maybe(fc.double({ min: -1, max: 12 })),
  seed: maybe(fc.integer()),
  num_outputs: maybe(fc.integer({ min: 0, max: 5 })),
  output_format: maybe(fc.constantFrom('webp', 'jpg', 'jpeg', 'png', 'gif')),
  source_image_url: maybe(fc.constantFrom('https://example.com/a.png', 'ftp://example.com/a.png')),
  strength: maybe(fc.double({ min: -0.1, max: 1.1 })),
  style: maybe(fc.string()),
  model_options: maybe(fc.dictionary(optionName, option, { maxKeys: 2 })),
});

describe('whatever is requested', () => {
  it('only what the model takes is sent, and never null or undefined', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const prepared = prepareGeneration(request);
        if (!prepared.ok) return expect(prepared.errors.length).toBeGreaterThan(0);
        const { model, providerInput } = prepared;
        for (const [name, value] of Object.entries(providerInput)) {
          const schema = model.input.properties[name];
          expect(schema && faultOf(schema, value)).toBeNull();
        }
        for (const name of model.input.required) expect(providerInput).toHaveProperty(name);
      }),
      { numRuns: 2000 },
    );
  });

  it('nothing is dropped in silence: a field that was given is sent, or named in a warning or an error', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const bare = prepareGeneration({ prompt: 'a cat', model_id: request.model_id });
        const { prompt: _prompt, model_id: _model, model_options: _options, ...fields } = request;
        for (const [field, value] of Object.entries(fields)) {
          if (value == null || field === 'width' || field === 'height') continue;
          const alone = prepareGeneration({ prompt: 'a cat', model_id: request.model_id, [field]: value });
          if (!alone.ok) {
            expect(alone.errors.map((error) => error.field)).toEqual([field]);
            continue;
          }
          const changed = JSON.stringify(alone.providerInput) !== JSON.stringify(bare.ok && bare.providerInput);
          const isFixed = field === 'output_format' && alone.model.formatField === null;
          expect(changed || isFixed || alone.warnings.some((warning) => warning.field === field)).toBe(true);
        }
      }),
    );
  });
});
