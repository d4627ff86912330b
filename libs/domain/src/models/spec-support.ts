import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { MODELS } from './catalogue.js';
import type { InputSchema } from './input-schema.js';
import type { Model } from './model.js';

/** Each model as it is when it is offered: what is retired today still has to be right when it is switched on. */
export const OFFERED: readonly Model[] = MODELS.map((model) => ({ ...model, availability: { state: 'offered' } }));

export const SOURCE = 'https://example.com/cat.png';

/** For `it.each`. */
export const byId = (models: readonly Model[]): (readonly [string, Model])[] =>
  models.map((model) => [model.id, model] as const);

const ajv = new Ajv({ allErrors: true });
formats.default(ajv, ['uri']);

/** Another reader of our schemas than our own: what ajv finds wrong with an input; empty when it takes it. */
export function faultsByAjv(schema: InputSchema, input: unknown): string[] {
  const validate = compiled.get(schema) ?? ajv.compile({ type: 'object', ...schema, additionalProperties: false });
  compiled.set(schema, validate);
  return validate(input) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

const compiled = new Map<InputSchema, ValidateFunction>();
