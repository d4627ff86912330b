import type { PropertySchema } from './input-schema.js';
import { MAPPED_FIELDS, type Model, type ModelKind, type Price } from './model.js';
import { complement, ownedInputs, PROMPT_MAX_LENGTH } from './prepare.js';
import { RATIO_PATTERN, ratioOf, sizeOfRatio, type SizeChoice } from './size.js';

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
  /** Pixels; for a model that takes width and height, the size that each common aspect ratio becomes. */
  readonly sizes: readonly { readonly aspect_ratio: string; readonly width: number; readonly height: number }[];
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly output_formats: readonly string[];
  readonly price: Price;
  readonly typical_seconds: number | null;
  readonly active: boolean;
}

const COMMON_RATIOS = ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'];

export function presentModel(model: Model): ModelView {
  const sizes = sizesOf(model);
  const aspectRatios = [...new Set(sizes.map((size) => size.aspect_ratio))];
  const properties = parametersOf(model, aspectRatios);
  return {
    id: model.id,
    version: model.version,
    title: model.title,
    kind: model.kind,
    parameters: {
      type: 'object',
      properties,
      required: ['prompt', ...(model.source?.required ? ['source_image_url'] : [])],
    },
    aspect_ratios: aspectRatios,
    sizes,
    defaults: defaultsOf(properties),
    output_formats: model.output.formats,
    price: model.price,
    typical_seconds: model.typicalSeconds,
    active: model.active,
  };
}

function sizesOf(model: Model): Pick<SizeChoice, 'aspect_ratio' | 'width' | 'height'>[] {
  const { size, input } = model;
  if (size === null) return [];
  if (size.by === 'choices')
    return size.choices.map(({ aspect_ratio, width, height }) => ({ aspect_ratio, width, height }));
  const [width, height] = [input.properties[size.width], input.properties[size.height]];
  if (!width || !height) return [];
  return COMMON_RATIOS.map((aspect_ratio) => ({
    aspect_ratio,
    ...sizeOfRatio(ratioOf(aspect_ratio) ?? 1, size.area, width, height),
  }));
}

function parametersOf(model: Model, aspectRatios: readonly string[]): Record<string, ParameterSchema> {
  const { source } = model;
  return present({
    ...Object.fromEntries(MAPPED_FIELDS.map((field) => [field, inputOf(model, model.fields[field])])),
    prompt: {
      type: 'string',
      description:
        inputOf(model, model.fields.prompt)?.description ?? 'Kept with the generation; this model has no prompt',
      minLength: 1,
      maxLength: PROMPT_MAX_LENGTH,
    },
    num_outputs: inputOf(model, model.outputsField) ?? ONE_OUTPUT,
    output_format: formatParameter(model),
    ...sizeParameters(model, aspectRatios),
    source_image_url: source && { type: 'string', format: 'uri', description: 'Source image' },
    strength: strengthParameter(model),
    model_options: optionsParameter(model),
  });
}

const ONE_OUTPUT: ParameterSchema = {
  type: 'integer',
  minimum: 1,
  maximum: 1,
  default: 1,
  description: 'This model makes one image at a time',
};

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

function sizeParameters(model: Model, aspectRatios: readonly string[]): Record<string, ParameterSchema | undefined> {
  const { size } = model;
  if (size === null) return {};
  if (size.by === 'pixels') {
    return {
      width: inputOf(model, size.width),
      height: inputOf(model, size.height),
      aspect_ratio: {
        type: 'string',
        pattern: RATIO_PATTERN,
        description: 'Instead of width and height: a size of this shape, of about as many pixels as the default',
      },
    };
  }
  const pixels = { type: 'integer', minimum: 1 } as const;
  return {
    width: { ...pixels, description: 'With height: the nearest size that the model makes' },
    height: { ...pixels, description: 'With width: the nearest size that the model makes' },
    aspect_ratio: {
      type: 'string',
      description: 'Output shape',
      ...inputOf(model, 'aspect_ratio'),
      enum: aspectRatios,
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
