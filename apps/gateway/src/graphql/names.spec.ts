import { describe, expect, it } from '@jest/globals';
import { MODELS, presentModel } from '@darkroom/domain';
import { buildSchema, isInputObjectType, isObjectType } from 'graphql';
import type { z } from 'zod';
import { generationRequest } from '../application/generation-request.js';
import * as answers from '../rest/answers.schema.js';
import { camelCase, camelError, camelModel, camelText, camelView, snakeCase, snakeKeys } from './names.js';
import { typeDefs } from './schema.js';

describe('names', () => {
  const schema = buildSchema(typeDefs);

  function fieldsOf(type: string): string[] {
    const found = schema.getType(type);
    if (!isObjectType(found) && !isInputObjectType(found)) throw new Error(`${type} has no fields`);
    return Object.keys(found.getFields());
  }

  const shapes: [string, z.ZodObject | { shape: object }][] = [
    ['GenerationInput', generationRequest],
    ['Generation', answers.generation],
    ['GenerationError', answers.generation.shape.error.unwrap()],
    ['Image', answers.generation.shape.images.element],
    ['Cost', answers.generation.shape.cost],
    ['Warning', answers.generation.shape.warnings.element],
    ['Quote', answers.quote],
    ['QuotedCost', answers.quote.shape.cost],
    ['Model', answers.model],
    ['ModelSize', answers.model.shape.sizes.element],
    ['Price', answers.model.shape.price.unwrap()],
  ];

  it.each(shapes)('%s has the fields that REST has', (type, { shape }) => {
    expect(fieldsOf(type).sort()).toEqual(Object.keys(shape).map(camelCase).sort());
  });

  it('are the same there and back', () => {
    const names = shapes.flatMap(([, { shape }]) => Object.keys(shape));
    expect(names.map((name) => snakeCase(camelCase(name)))).toEqual(names);
  });

  it('change in views at every depth, but not in what is the user’s or the provider’s', () => {
    const opaque = { a_key: { inner_key: 1 } };
    expect(
      camelView({
        created_at: 'now_or_never',
        cost: { estimated_usd: 1 },
        images: [{ thumbnail_url: null }],
        warnings: [{ field: 'negative_prompt', message: 'negative_prompt has no effect on this model' }],
        metadata: opaque,
        model_options: opaque,
        provider_input: opaque,
      }),
    ).toEqual({
      createdAt: 'now_or_never',
      cost: { estimatedUsd: 1 },
      images: [{ thumbnailUrl: null }],
      warnings: [{ field: 'negativePrompt', message: 'negativePrompt has no effect on this model' }],
      metadata: opaque,
      modelOptions: opaque,
      providerInput: opaque,
    });
  });

  it('of a model describe the input of GraphQL, but for the inputs of its own', () => {
    for (const model of MODELS.map(presentModel)) {
      const { parameters, defaults } = camelModel(model) as {
        parameters: { properties: Record<string, { properties?: object }>; required: string[] };
        defaults: object;
      };
      const input = fieldsOf('GenerationInput');
      for (const names of [Object.keys(parameters.properties), parameters.required, Object.keys(defaults)]) {
        expect(names.filter((name) => !input.includes(name))).toEqual([]);
      }
      expect(parameters.properties.modelOptions).toEqual(model.parameters.properties?.model_options);
    }
  });

  it('change in inputs at the first level alone', () => {
    const input = { sourceImageUrl: 'x', modelOptions: { goFast: true }, metadata: { myKey: 'v' }, seed: null };
    expect(snakeKeys(input)).toEqual({
      source_image_url: 'x',
      model_options: { goFast: true },
      metadata: { myKey: 'v' },
      seed: null,
    });
  });

  it.each([
    ['num_outputs', 'num_outputs: Too big', 'numOutputs', 'numOutputs: Too big'],
    ['webhook_events.0', 'webhook_events.0: Invalid', 'webhookEvents.0', 'webhookEvents.0: Invalid'],
    ['metadata.my_key', 'metadata.my_key: Invalid', 'metadata.my_key', 'metadata.my_key: Invalid'],
    [
      'model_options.num_outputs',
      'model_options.num_outputs has a field of its own: num_outputs',
      'modelOptions.num_outputs',
      'modelOptions.num_outputs has a field of its own: numOutputs',
    ],
    ['limit', 'limit: Too big', 'first', 'first: Too big'],
    ['cursor', 'cursor is none that a list has given out', 'after', 'after is none that a list has given out'],
    ['Idempotency-Key', 'Idempotency-Key must be', 'idempotencyKey', 'idempotencyKey must be'],
    ['created_after', 'created_after: must be', 'createdAfter', 'createdAfter: must be'],
  ])('of %s change in what is said of it', (field, message, camelField, camelMessage) => {
    expect(camelError({ field, message })).toEqual({ field: camelField, message: camelMessage });
  });

  it('leave other texts alone', () => {
    const text = 'The limit of my_prompt and num_outputs_of is the cursor';
    expect(camelText(text)).toBe(text);
  });
});
