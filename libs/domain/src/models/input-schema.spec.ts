import { describe, expect, it } from '@jest/globals';
import { faultOf, type PropertySchema } from './input-schema.js';

const of = (schema: Partial<PropertySchema>): PropertySchema => ({ type: 'string', description: '', ...schema });

describe('faultOf', () => {
  it.each([
    [of({}), ''],
    [of({ enum: ['a', 'b'] }), 'b'],
    [of({ type: 'integer', enum: [16, 32] }), 32],
    [of({ type: 'integer', minimum: 0, maximum: 4 }), 0],
    [of({ type: 'number', minimum: 0, maximum: 1 }), 1],
    [of({ type: 'integer', multipleOf: 8 }), 1024],
    [of({ type: 'boolean' }), false],
    [of({ format: 'uri' }), 'https://example.com/a.png'],
    [of({ type: 'array', items: of({ format: 'uri' }), maxItems: 1 }), ['http://example.com']],
    [of({ type: 'array' }), []],
  ])('takes %j: %j', (schema, value) => {
    expect(faultOf(schema, value)).toBeNull();
  });

  it.each([
    [of({}), 1, 'must be a string'],
    [of({}), null, 'must be a string'],
    [of({ enum: ['a', 'b'] }), 'c', 'must be one of a, b'],
    [of({ type: 'integer' }), 1.5, 'must be a whole number'],
    [of({ type: 'integer' }), '1', 'must be a whole number'],
    [of({ type: 'integer' }), 2 ** 53, 'must be a whole number'],
    [of({ type: 'number' }), Number.NaN, 'must be a number'],
    [of({ type: 'integer', minimum: 1 }), 0, 'must be at least 1'],
    [of({ type: 'number', maximum: 1 }), 1.01, 'must be at most 1'],
    [of({ type: 'integer', multipleOf: 8 }), 1001, 'must be a multiple of 8'],
    [of({ type: 'boolean' }), 0, 'must be true or false'],
    [of({ format: 'uri' }), 'file:///etc/passwd', 'must be an http(s) URL'],
    [of({ format: 'uri' }), 'javascript:alert(1)', 'must be an http(s) URL'],
    [of({ format: 'uri' }), 'https:// a', 'must be an http(s) URL'],
    [of({ type: 'array' }), 'a', 'must be a list'],
    [of({ type: 'array', maxItems: 1 }), [1, 2], 'must hold at most 1 items'],
    [
      of({ type: 'array', items: of({ type: 'integer' }) }),
      [1, 'b'],
      'must hold items each of which must be a whole number',
    ],
  ])('refuses %j: %j', (schema, value, fault) => {
    expect(faultOf(schema, value)).toBe(fault);
  });
});
