export * from './catalogue.js';
export type { FieldError } from './draft.js';
export { imagesIn, STORAGE_ADDRESS, withImages } from './images.js';
export { faultOf, type InputSchema, type PropertySchema } from './input-schema.js';
export {
  MODEL_KINDS,
  needsPrompt,
  publishedInput,
  type Availability,
  type Model,
  type ModelKind,
  type SourceRule,
} from './model.js';
export * from './offer.js';
export {
  OUTPUTS_MAX,
  prepareFor,
  prepareGeneration,
  PROMPT_MAX_LENGTH,
  type GenerationRequestBody,
  type PreparedGeneration,
  type RefusedGeneration,
} from './prepare.js';
export * from './present.js';
export { actualCostUsd, type Price, type ProviderInput } from './price.js';
export { expectedResult, sourceOf, type ExpectedResult } from './result.js';
export type { Pixels, SizeChoice, SizeRule } from './size.js';
