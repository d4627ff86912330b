import type { InputSchema } from './input-schema.js';
import type { Price } from './price.js';
import type { SizeRule } from './size.js';

export const MODEL_KINDS = ['text-to-image', 'image-to-image', 'svg', 'upscale', 'background-removal'] as const;
export type ModelKind = (typeof MODEL_KINDS)[number];

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

/** How a model is asked for several images. */
export interface OutputsRule {
  readonly field: string;
  /** Inputs without which `field` has no effect; sent beside it when more than one image is asked for. */
  readonly beside: Readonly<Record<string, string>>;
  /** It may make fewer than it was asked for, and charges for those alone. */
  readonly mayBeFewer: boolean;
}

export interface SourceRule {
  /** The model's input for the source image. */
  readonly field: string;
  /** Whether that input is a list of images, in which further reference images follow. */
  readonly list: boolean;
  readonly required: boolean;
  /**
   * What the model's strength counts: `departure` from the source (1 replaces it, as in our API) or `fidelity` to it
   * (1 keeps it). Null when the model takes a source and no strength, or when it is not known which one it counts.
   */
  readonly strength: { readonly field: string; readonly counts: 'departure' | 'fidelity' } | null;
  /** Whether the result takes the shape of its source, so that a size has no effect beside one. */
  readonly givesShape: boolean;
  /** Inputs that give the result the shape of its source; sent when no size is asked for. Empty: it does so by itself. */
  readonly shape: Readonly<Record<string, string>>;
  /**
   * How many times as wide and high as its source the result is: a number, or the model's input that says so. Null when
   * it is drawn anew.
   */
  readonly scale: number | string | null;
  /**
   * The model's input for a mask, given as a model option. `required`: it has no use for a source without one.
   * `givesSizeBack`: beside a mask a size has its effect again.
   */
  readonly mask: { readonly field: string; readonly required: boolean; readonly givesSizeBack: boolean } | null;
  /** Limits that further inputs have beside a source. */
  readonly limits: Readonly<Record<string, { readonly maximum: number }>>;
}

/** Whether a model is offered. One that is not stays listed, and is refused with the name of its successor. */
export type Availability =
  | { readonly state: 'offered' }
  | { readonly state: 'retired' | 'failing'; readonly note: string; readonly successor: string };

/** All that Darkroom knows of a model, as data: a new model is a new entry in the catalogue, and nothing else. */
export interface Model {
  /** `owner/name` at the provider. */
  readonly id: string;
  /** Hash that a community model is called by; null for an official model, which is called by its name. */
  readonly version: string | null;
  readonly title: string;
  readonly kind: ModelKind;
  /** What a person who has to choose would be told: one sentence. */
  readonly goodAt: string;
  /** The model's own inputs, under its own names, and no others: what is not known to exist is not sent. */
  readonly input: InputSchema;
  /** What of `input` the model publishes otherwise, where limits of ours are stricter than its own. */
  readonly published: Partial<InputSchema>;
  /** Our field → the model's input. A field that is missing here is of no use to the model. */
  readonly fields: Readonly<Partial<Record<MappedField, string>>>;
  /** Its own seed is always the same number, so that without one of ours the same prompt gives the same image. */
  readonly drawsNoSeed: boolean;
  /** Null when it always makes one image. */
  readonly outputs: OutputsRule | null;
  /** The model's input for the file format; null when it cannot be chosen. */
  readonly formatField: string | null;
  /** Null when a size cannot be asked for. */
  readonly size: SizeRule | null;
  /** Null when the model takes no source image. */
  readonly source: SourceRule | null;
  /** Where further images go that the result is to resemble, and how many a call takes, the source included. */
  readonly references: { readonly field: string; readonly max: number } | null;
  /** `formats`: empty where its maker does not say; what came back is measured in any case. */
  readonly output: { readonly shape: 'uri' | 'uri[]'; readonly formats: readonly string[] };
  /** Null when no price could be confirmed. */
  readonly price: Price | null;
  /** Median seconds of a run where one is known. */
  readonly typicalSeconds: number | null;
  readonly availability: Availability;
  /** What could not be confirmed of this model, and how the entry deals with it. Null: nothing of consequence. */
  readonly unsure: string | null;
}

/** The inputs by the model's own rules, which are what the provider refuses by. */
export function publishedInput({ input, published }: Model): InputSchema {
  return {
    properties: { ...input.properties, ...published.properties },
    required: published.required ?? input.required,
  };
}

/** Whether a model can be asked for by text alone: then it needs one, and a call without would be paid for all the same. */
export function needsPrompt({ kind }: Model): boolean {
  return kind !== 'upscale' && kind !== 'background-removal';
}
