import type { PropertySchema } from './input-schema.js';
import { MAPPED_FIELDS, needsPrompt, type Model, type ModelKind } from './model.js';
import { NO_SWITCHES, offerOf } from './offer.js';
import { complement, OUTPUTS_MAX, ownedInputs, PROMPT_MAX_LENGTH } from './prepare.js';
import type { Price } from './price.js';
import { RATIO_PATTERN, ratioOf, sizeWithin, type SizeChoice } from './size.js';

/** A schema in the answer: what we describe inputs with, and the keywords that describe our own fields. */
export interface ParameterSchema extends Omit<Partial<PropertySchema>, 'type'> {
  readonly type: PropertySchema['type'] | 'object';
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, ParameterSchema>>;
  readonly additionalProperties?: false;
}

/** A model as /v1/models shows it. `parameters` is a JSON Schema of the request fields that have an effect on it. */
export interface ModelView {
  readonly id: string;
  readonly version: string | null;
  readonly title: string;
  readonly kind: ModelKind;
  readonly parameters: ParameterSchema & { readonly required: readonly string[] };
  readonly aspect_ratios: readonly string[];
  /**
   * Pixels; for a model that takes width and height, the size that each common aspect ratio becomes. Not `exact`: its
   * maker tells shape and resolution alone.
   */
  readonly sizes: readonly Omit<SizeChoice, 'inputs'>[];
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly output_formats: readonly string[];
  readonly price: PriceView | null;
  readonly typical_seconds: number | null;
  readonly good_at: string;
  /** How many images it takes to start from, or to resemble; 0: none. */
  readonly max_source_images: number;
  readonly active: boolean;
  /** Why it is not offered, or what could not be confirmed of it. */
  readonly note: string | null;
  /** What to ask for instead of a model that is not offered, where one is known. */
  readonly successor: string | null;
}

/** US dollars. */
export interface PriceView {
  readonly usd_per_image?: number;
  readonly usd_per_second?: number;
  readonly usd_per_run?: number;
  readonly usd_per_megapixel?: number;
}

const COMMON_RATIOS = ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'];

/** As the catalogue has it; an operator's switch is laid over it ({@link offerOf}). */
export function presentModel(model: Model): ModelView {
  const sizes = sizesOf(model);
  const aspectRatios = [...new Set(sizes.map((size) => size.aspect_ratio))];
  const properties = parametersOf(model);
  const { source, references } = model;
  return {
    id: model.id,
    version: model.version,
    title: model.title,
    kind: model.kind,
    parameters: {
      type: 'object',
      properties,
      required: [...(needsPrompt(model) ? ['prompt'] : []), ...(source?.required ? ['source_image_url'] : [])],
    },
    aspect_ratios: aspectRatios,
    sizes,
    defaults: defaultsOf(properties),
    output_formats: model.output.formats,
    price: priceView(model.price),
    typical_seconds: model.typicalSeconds,
    good_at: model.goodAt,
    max_source_images: references?.max ?? (source ? 1 : 0),
    ...offerOf(model, NO_SWITCHES),
  };
}

function priceView(price: Price | null): PriceView | null {
  if (price === null) return null;
  const amounts = Object.entries(price).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(amounts);
}

function sizesOf({ size, input }: Model): Omit<SizeChoice, 'inputs'>[] {
  if (size === null) return [];
  const { choices, pixels } = size;
  if (choices.length === 0 && pixels) {
    return COMMON_RATIOS.map((ratio) => ({
      aspect_ratio: ratio,
      ...sizeWithin(ratioOf(ratio) ?? 1, pixels, input),
      exact: true,
    }));
  }
  return choices.map(({ aspect_ratio, width, height, exact }) => ({ aspect_ratio, width, height, exact }));
}

function parametersOf(model: Model): Record<string, ParameterSchema> {
  const { source, references } = model;
  return present({
    ...Object.fromEntries(MAPPED_FIELDS.map((field) => [field, inputOf(model, model.fields[field])])),
    prompt: promptParameter(model),
    num_outputs: outputsParameter(model),
    output_format: formatParameter(model),
    ...sizeParameters(model),
    source_image_url: source && { type: 'string', format: 'uri', description: 'Source image' },
    reference_image_urls: references && {
      type: 'array',
      items: { type: 'string', format: 'uri', description: 'Image' },
      maxItems: references.max,
      description: 'Further images that the result is to resemble',
    },
    strength: strengthParameter(model),
    model_options: optionsParameter(model),
  });
}

function promptParameter(model: Model): ParameterSchema | null {
  const own = inputOf(model, model.fields.prompt);
  if (!own) return null;
  return {
    type: 'string',
    description: own.description,
    ...(needsPrompt(model) && { minLength: 1 }),
    maxLength: PROMPT_MAX_LENGTH,
  };
}

function outputsParameter(model: Model): ParameterSchema {
  const own = inputOf(model, model.outputs?.field);
  const limits = { type: 'integer', minimum: 1, maximum: 1, default: 1 } as const;
  if (!own) return { ...limits, description: 'This model makes one image at a time' };
  return { ...limits, ...own, maximum: Math.min(own.maximum ?? OUTPUTS_MAX, OUTPUTS_MAX) };
}

function present(parameters: Record<string, ParameterSchema | null | undefined>): Record<string, ParameterSchema> {
  const given = Object.entries(parameters).filter((entry): entry is [string, ParameterSchema] => entry[1] != null);
  return Object.fromEntries(given);
}

function inputOf({ input }: Model, name: string | null | undefined): PropertySchema | undefined {
  return name == null ? undefined : input.properties[name];
}

function formatParameter(model: Model): ParameterSchema | null {
  const [only, ...others] = model.output.formats;
  const chosen = inputOf(model, model.formatField);
  if (chosen || only === undefined) return chosen ?? null;
  return {
    type: 'string',
    enum: model.output.formats,
    ...(others.length === 0 && { default: only }),
    description: 'File format of the result',
  };
}

function sizeParameters(model: Model): Record<string, ParameterSchema | undefined> {
  const { size } = model;
  if (size === null) return {};
  const { choices, pixels } = size;
  const side = { type: 'integer', minimum: 1 } as const;
  const ratio = inputOf(model, 'aspect_ratio');
  return {
    width: inputOf(model, pixels?.width) ?? { ...side, description: 'With height: the nearest size that it makes' },
    height: inputOf(model, pixels?.height) ?? { ...side, description: 'With width: the nearest size that it makes' },
    aspect_ratio: {
      type: 'string',
      description: 'Instead of width and height. A shape that the model does not know becomes the nearest that it does',
      ...(choices.some(({ aspect_ratio }) => aspect_ratio === ratio?.default) && { default: ratio?.default }),
      pattern: RATIO_PATTERN,
    },
  };
}

/** In our API a strength always counts the departure from the source, whatever the model's own does. */
function strengthParameter(model: Model): ParameterSchema | null {
  const strength = model.source?.strength;
  if (!strength) return null;
  const byDefault = inputOf(model, strength.field)?.default;
  const departure = strength.counts === 'fidelity' && typeof byDefault === 'number' ? complement(byDefault) : byDefault;
  return {
    type: 'number',
    minimum: 0,
    maximum: 1,
    ...(departure !== undefined && { default: departure }),
    description: 'How far the result may leave the source image',
  };
}

function optionsParameter(model: Model): ParameterSchema {
  const owned = ownedInputs(model);
  const options = Object.entries(model.input.properties).filter(([name]) => !owned.has(name));
  return {
    type: 'object',
    description: 'Further inputs of this model',
    properties: Object.fromEntries(options),
    additionalProperties: false,
  };
}

function defaultsOf(parameters: Readonly<Record<string, ParameterSchema>>): Record<string, unknown> {
  const given = Object.entries(parameters).filter(([, schema]) => schema.default !== undefined);
  return Object.fromEntries(given.map(([field, schema]) => [field, schema.default]));
}
