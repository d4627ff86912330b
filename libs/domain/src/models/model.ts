import type { InputSchema } from './input-schema.js';
import type { SizeRule } from './size.js';

export type ModelKind = 'text-to-image' | 'image-to-image' | 'svg' | 'upscale' | 'background-removal';

/** Request fields that reach a model under one name of its own, unchanged. Sizes, formats and sources have rules. */
export const MAPPED_FIELDS = [
  'prompt',
  'negative_prompt',
  'num_inference_steps',
  'guidance_scale',
  'seed',
  'style',
] as const;
export type MappedField = (typeof MAPPED_FIELDS)[number];

export interface SourceRule {
  /** The model's input for the source image. */
  readonly field: string;
  /** Whether that input is a list of images. */
  readonly list: boolean;
  readonly required: boolean;
  /**
   * What the model's strength counts: `departure` from the source (1 replaces it, as in our API) or `fidelity` to it
   * (1 keeps it). Null when the model takes a source and no strength.
   */
  readonly strength: { readonly field: string; readonly counts: 'departure' | 'fidelity' } | null;
  /** Whether the result takes the shape of its source, so that a size has no effect beside one. */
  readonly givesShape: boolean;
  /** A model option (a mask) beside which the size has its effect again. */
  readonly sizeReturnsWith: string | null;
}

/** US dollars: for each image, or for each second of predict time. Null when no price could be confirmed. */
export type Price = { readonly usd_per_image: number } | { readonly usd_per_second: number } | null;

/** All that Darkroom knows of a model, as data: a new model is a new entry in the catalogue, and nothing else. */
export interface Model {
  /** `owner/name` at the provider. */
  readonly id: string;
  /** Hash that a community model is called by; null for an official model, which is called by its name. */
  readonly version: string | null;
  readonly title: string;
  readonly kind: ModelKind;
  /** The model's own inputs, under its own names. */
  readonly input: InputSchema;
  /** Our field → the model's input. A field that is missing here is of no use to the model. */
  readonly fields: Readonly<Partial<Record<MappedField, string>>>;
  /** The model's input for the number of images; null when it always makes one. */
  readonly outputsField: string | null;
  /** The model's input for the file format; null when it cannot be chosen. */
  readonly formatField: string | null;
  /** Null when a size cannot be asked for. */
  readonly size: SizeRule | null;
  /** Null when the model takes no source image. */
  readonly source: SourceRule | null;
  readonly output: { readonly shape: 'uri' | 'uri[]'; readonly formats: readonly string[] };
  readonly price: Price;
  /** Median seconds of a run where one is known. */
  readonly typicalSeconds: number | null;
  /** False for a model that is no longer offered; what it has made can still be read and priced. */
  readonly active: boolean;
}
