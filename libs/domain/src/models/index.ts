export * from './catalogue.js';
export type { FieldError } from './draft.js';
export { faultOf, type InputSchema, type PropertySchema } from './input-schema.js';
export type { Model, ModelKind, Price } from './model.js';
export {
  prepareGeneration,
  PROMPT_MAX_LENGTH,
  type GenerationRequestBody,
  type PreparedGeneration,
  type RefusedGeneration,
} from './prepare.js';
export * from './present.js';
export { actualCostUsd } from './price.js';
