import type { FieldError, ModelView, Warning } from '@darkroom/domain';
import { generationRequest } from '../application/generation-request.js';

/** The contract is snake_case in REST and camelCase in GraphQL. This is all of the difference between their values. */

/** Whose content is the user's or the provider's, keys included. */
const OPAQUE = new Set(['metadata', 'model_options', 'provider_input']);

/** Names that are others, and not only written otherwise. */
const RENAMED: Readonly<Record<string, string>> = {
  limit: 'first',
  cursor: 'after',
  'Idempotency-Key': 'idempotencyKey',
};

export function camelCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z0-9])([A-Z])/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A view of REST as GraphQL's types have it. */
export function camelView(view: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(view).map(([key, value]: [string, unknown]) => {
      if (key === 'warnings') return [key, (value as Warning[]).map(camelError)];
      return [camelCase(key), OPAQUE.has(key) ? value : camelValue(value)];
    }),
  );
}

function camelValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelValue);
  return typeof value === 'object' && value !== null ? camelView(value) : value;
}

/** A model's JSON Schema describes the input of GraphQL here, by its names. */
export function camelModel(model: ModelView): Record<string, unknown> {
  const { required } = model.parameters;
  return camelView({ ...model, parameters: { ...model.parameters, required: required.map(camelCase) } });
}

/** The keys of an input, and none of the keys in its values. */
export function snakeKeys(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [snakeCase(key), value]));
}

/** What was said of a field of REST. What lies within a field is named by the user or the model, and stays. */
export function camelError({ field, message }: FieldError): FieldError {
  const [name = '', ...within] = field.split('.');
  return { field: [RENAMED[name] ?? camelCase(name), ...within].join('.'), message: camelText(message) };
}

const NAMES = [...Object.keys(generationRequest.shape), 'created_after', 'created_before', 'batch_id', 'min_position'];

const MENTIONED = new RegExp(
  `(?<![\\w.])(${NAMES.filter((name) => name.includes('_')).join('|')})(?!\\w)|^(${Object.keys(RENAMED).join('|')})\\b`,
  'g',
);

/** A text that mentions fields. */
export function camelText(text: string): string {
  return text.replace(MENTIONED, (name) => RENAMED[name] ?? camelCase(name));
}
