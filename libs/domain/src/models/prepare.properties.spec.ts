import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { faultOf, type PropertySchema } from './input-schema.js';
import type { Model } from './model.js';
import { prepareFor, type GenerationRequestBody } from './prepare.js';
import { expectedResult } from './result.js';
import { faultsByAjv, OFFERED } from './spec-support.js';

const SOURCES = ['https://example.com/a.png', 'http://example.com/b.webp?c=d'];
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { freq: 2, nil: undefined });
const side = fc.oneof(
  fc.integer({ min: 32, max: 256 }).map((eighth) => eighth * 8),
  fc.integer({ min: 256, max: 2048 }),
  fc.integer(),
);
const ratio = fc.oneof(
  fc.constantFrom('1:1', '16:9', '7:4', '12:5', '4:3', '21:9', '1:8', '14:10', 'wide', '0:1'),
  fc
    .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }))
    .map(([width, height]) => `${width}:${height}`),
);
const image = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...SOURCES) },
  fc.constantFrom('ftp://a/b', 'storage:a'),
);

/** Values that a schema takes, and some that it may not. */
function valueOf({
  type,
  enum: values,
  minimum = -10,
  maximum = 110,
  format,
  items,
}: PropertySchema): fc.Arbitrary<unknown> {
  if (values) return fc.constantFrom(...values);
  switch (type) {
    case 'string':
      return format === 'uri' ? image : fc.string();
    case 'integer':
      return fc.integer({ min: minimum - 1, max: maximum + 1 });
    case 'number':
      return fc.double({ min: minimum - 0.1, max: maximum + 0.1 });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(items ? valueOf(items) : fc.anything(), { maxLength: 3 });
  }
}

function optionsFor({ input }: Model): fc.Arbitrary<Record<string, unknown>> {
  const known = fc
    .constantFrom(...Object.entries(input.properties))
    .chain(([name, schema]) =>
      fc.tuple(fc.constant(name), fc.oneof({ weight: 9, arbitrary: valueOf(schema) }, fc.anything())),
    );
  const entry = fc.oneof({ weight: 9, arbitrary: known }, fc.tuple(fc.string(), fc.anything()));
  return fc.array(entry, { maxLength: 3 }).map((entries) => Object.fromEntries(entries));
}

function requestsFor(model: Model): fc.Arbitrary<GenerationRequestBody> {
  const style = model.fields.style && model.input.properties[model.fields.style];
  return fc.record({
    prompt: fc.oneof({ weight: 9, arbitrary: fc.string({ minLength: 1 }) }, fc.constantFrom('', null, undefined)),
    negative_prompt: maybe(fc.string()),
    width: fc.option(side, { freq: 1, nil: undefined }),
    height: fc.option(side, { freq: 1, nil: undefined }),
    aspect_ratio: maybe(ratio),
    num_inference_steps: maybe(fc.integer({ min: 0, max: 60 })),
    guidance_scale: maybe(fc.double({ min: -1, max: 12 })),
    seed: maybe(fc.integer({ min: -1 })),
    num_outputs: maybe(fc.integer({ min: 0, max: 5 })),
    output_format: maybe(fc.constantFrom(...model.output.formats, 'jpg', 'png', 'gif')),
    source_image_url: model.source?.required ? image : maybe(image),
    reference_image_urls: maybe(fc.array(image, { maxLength: 4 })),
    strength: maybe(fc.double({ min: -0.1, max: 1.1 })),
    style: maybe(style ? valueOf(style) : fc.string()) as fc.Arbitrary<string | undefined>,
    model_options: maybe(optionsFor(model)),
  });
}

const FIELDS = Object.keys({
  prompt: 0,
  negative_prompt: 0,
  width: 0,
  height: 0,
  aspect_ratio: 0,
  num_inference_steps: 0,
  guidance_scale: 0,
  seed: 0,
  num_outputs: 0,
  output_format: 0,
  source_image_url: 0,
  reference_image_urls: 0,
  strength: 0,
  style: 0,
} satisfies Partial<Record<keyof GenerationRequestBody, 0>>);

const asked = fc.constantFrom(...OFFERED).chain((model) => fc.tuple(fc.constant(model), requestsFor(model)));

describe('whatever is requested of whatever model', () => {
  it('either an input that its schema accepts is sent, or a field is refused', () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(asked, ([model, request]) => {
        const prepared = prepareFor(model, request);
        if (!prepared.ok) {
          counts.refused += 1;
          expect(prepared.errors.length).toBeGreaterThan(0);
          for (const { field, message } of prepared.errors) {
            expect(field.startsWith('model_options.') || FIELDS.includes(field)).toBe(true);
            expect(message).not.toBe('');
          }
          return;
        }
        counts.accepted += 1;
        const { providerInput } = prepared;
        expect(faultsByAjv(model.input, providerInput)).toEqual([]);
        for (const [name, value] of Object.entries(providerInput)) {
          expect(faultOf(model.input.properties[name]!, value)).toBeNull();
        }
        const { width, height, count } = expectedResult(model, providerInput, null);
        expect(Math.min(width, height)).toBeGreaterThan(0);
        expect(count).toBe(prepared.input.num_outputs);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(300);
  });

  it('nothing is dropped in silence: a field that was given is sent, or named in a warning or an error', () => {
    fc.assert(
      fc.property(asked, ([model, request]) => {
        const least = { prompt: 'a cat', ...(model.source?.required && { source_image_url: SOURCES[0] }) };
        const random = () => 0.5;
        const bare = prepareFor(model, least, { random });
        const { prompt: _prompt, model_options: _options, width: _width, height: _height, ...fields } = request;
        for (const [field, value] of Object.entries(fields)) {
          if (value == null || (Array.isArray(value) && value.length === 0)) continue;
          const alone = prepareFor(model, { ...least, [field]: value }, { random });
          if (!alone.ok) {
            // A source may ask for a mask.
            const named = alone.errors.map((error) => error.field.replace('model_options.mask', 'source_image_url'));
            expect(new Set(named)).toEqual(new Set([field]));
            continue;
          }
          const changed = JSON.stringify(alone.providerInput) !== JSON.stringify(bare.ok && bare.providerInput);
          const isAsItIs =
            (field === 'output_format' && model.formatField === null) ||
            (field === 'num_outputs' && value === 1) ||
            (field === 'source_image_url' && value === SOURCES[0]) ||
            (field === 'seed' && alone.providerInput.seed === value);
          expect(changed || isAsItIs || alone.warnings.some((warning) => warning.field === field)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
