import { describe, expect, it } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { AppError } from '../errors/app-error.js';
import { typeDefs } from './schema.js';
import { checkVariables } from './variables.js';

const schema = buildSchema(typeDefs);

function fieldsRefused(query: string, variables: Record<string, unknown>): string[] {
  const operation = getOperationAST(parse(query), null);
  try {
    checkVariables(schema, operation!, variables);
    return [];
  } catch (error) {
    expect(error).toMatchObject({ name: 'AppError', code: 'validation_failed' });
    const { fields = [] } = (error as AppError).more;
    for (const { field, message } of fields) expect(message.startsWith(`${field}: `)).toBe(true);
    return fields.map(({ field }) => field);
  }
}

const REQUEST =
  'mutation ($input: GenerationInput!, $key: String) { requestGeneration(input: $input, idempotencyKey: $key) { id } }';
const inputRefused = (input: unknown) => fieldsRefused(REQUEST, { input });

describe('variables', () => {
  it('that fit are not refused', () => {
    expect(inputRefused({ prompt: 'x', seed: 2 ** 53 - 1, metadata: { a: ['b'] } })).toEqual([]);
    expect(fieldsRefused('query ($n: Int! = 3) { generations(first: $n) { position } }', {})).toEqual([]);
  });

  it('that do not fit are told field by field', () => {
    expect(inputRefused({ prompt: 5, numOutputs: 1.5, webhookEvents: ['a', 2] })).toEqual([
      'prompt',
      'numOutputs',
      'webhookEvents.1',
    ]);
    expect(inputRefused({ promt: 'x' })).toEqual(['promt']);
    expect(inputRefused(null)).toEqual(['input']);
    expect(inputRefused('text')).toEqual(['input']);
    expect(fieldsRefused(REQUEST, {})).toEqual(['input']);
    expect(fieldsRefused(REQUEST, { input: { prompt: 'x' }, key: 7 })).toEqual(['key']);
  });

  it('are refused in bounded time and text', () => {
    expect(inputRefused({ prompt: 'x', webhookEvents: Array(200_000).fill(1) })).toHaveLength(50);
    const operation = getOperationAST(parse(REQUEST), null);
    const huge = { input: { prompt: 'x', numOutputs: 'y'.repeat(1e6), ['z'.repeat(1e6)]: 1 } };
    expect(() => checkVariables(schema, operation!, huge)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    );
    try {
      checkVariables(schema, operation!, huge);
    } catch (error) {
      expect((error as AppError).detail.length).toBeLessThan(1_000);
    }
  });
});
