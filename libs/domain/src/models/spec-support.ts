import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { MODELS } from './catalogue.js';
import type { InputSchema } from './input-schema.js';
import type { Model } from './model.js';
import { prepareGeneration, type GenerationRequestBody } from './prepare.js';

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

/** A request for the default model, unless it names another; with a prompt, unless it has its own. @throws Error when refused */
export function accepted(request: Partial<GenerationRequestBody>) {
  const prepared = prepareGeneration({ prompt: 'a cat', ...request });
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.errors));
  return prepared;
}

/** What the provider is sent for it. */
export function sent(request: Partial<GenerationRequestBody>) {
  return accepted(request).providerInput;
}

/** Fields that it is warned of. */
export function warned(request: Partial<GenerationRequestBody>) {
  return accepted(request).warnings.map((warning) => warning.field);
}

/** Fields that are refused; none when it is accepted. */
export function refused(request: Partial<GenerationRequestBody>) {
  const prepared = prepareGeneration({ prompt: 'a cat', ...request });
  return prepared.ok ? [] : prepared.errors.map((error) => error.field);
}
