import type { GenerationInput, Warning } from '../generation/events.js';
import { DEFAULT_MODEL_ID, findModel } from './catalogue.js';
import { ProviderInputDraft, type FieldError } from './draft.js';
import { contradictionOfSize, mapSize } from './map-size.js';
import { MAPPED_FIELDS, needsPrompt, type Model } from './model.js';
import { NO_SWITCHES, whyNotOffered, type ModelSwitches } from './offer.js';
import { estimatedCostUsd } from './price.js';
import { inputsOfEvery } from './size.js';

/** The longest prompt, in UTF-16 code units. */
export const PROMPT_MAX_LENGTH = 10_000;

/** The most images of one generation, whatever more a model would make. */
export const OUTPUTS_MAX = 4;

/** What a request says of the image. A field that is missing, null or undefined is left to the model. */
export type GenerationRequestBody = { readonly model_id?: string | null } & {
  readonly [K in keyof GenerationInput]?: GenerationInput[K] | null;
};

/** What preparing a request depends on beside the request. */
export interface PrepareOptions {
  /** What operators have switched. Default: nothing. */
  readonly switches?: ModelSwitches;
  /** 0 (included) to 1; for models that draw no seed of their own. */
  readonly random?: () => number;
}

const LARGEST_SEED = 2 ** 31 - 1;

export interface PreparedGeneration {
  readonly ok: true;
  readonly model: Model;
  readonly input: GenerationInput;
  readonly providerInput: Readonly<Record<string, unknown>>;
  readonly providerVersion: string | null;
  readonly warnings: readonly Warning[];
  readonly estimatedCostUsd: number | null;
}

export interface RefusedGeneration {
  readonly ok: false;
  readonly code: 'validation_failed' | 'unknown_model';
  readonly errors: readonly FieldError[];
}

/**
 * Turns a request into exactly what the provider will be sent, or refuses it before anything is stored or paid. Only
 * what was asked for is sent: the model's own defaults apply to the rest. What the model does not take is refused; what
 * it has no use for is left out and named in `warnings`.
 */
export function prepareGeneration(
  request: GenerationRequestBody,
  options: PrepareOptions = {},
): PreparedGeneration | RefusedGeneration {
  const id = request.model_id ?? DEFAULT_MODEL_ID;
  const model = findModel(id);
  return model ? prepareFor(model, request, options) : unknownModel(`There is no model ${JSON.stringify(id)}`);
}

/** `prepareGeneration` for a model already found. */
export function prepareFor(
  model: Model,
  request: GenerationRequestBody,
  { switches = NO_SWITCHES, random = Math.random }: PrepareOptions = {},
): PreparedGeneration | RefusedGeneration {
  const why = whyNotOffered(model, switches);
  if (why !== null) return unknownModel(why);
  const input = inputOf(request);
  const draft = new ProviderInputDraft(model);
  checkPrompt(draft, input);
  mapFields(draft, input);
  mapOutputs(draft, request.num_outputs ?? null);
  mapFormat(draft, input);
  mapSource(draft, input);
  mapMask(draft, input);
  mapStrength(draft, input);
  mapSize(draft, input);
  mapOptions(draft, input);
  if (draft.errors.length > 0) return { ok: false, code: 'validation_failed', errors: draft.errors };

  if (model.drawsNoSeed && model.fields.seed !== undefined && input.seed === null) {
    draft.input[model.fields.seed] = Math.floor(random() * (LARGEST_SEED + 1));
  }
  const outputs = outputsOf(draft);
  return {
    ok: true,
    model,
    input: { ...input, num_outputs: outputs },
    providerInput: draft.input,
    providerVersion: model.version,
    warnings: draft.warnings,
    estimatedCostUsd: estimatedCostUsd(model, draft.input, outputs),
  };
}

function unknownModel(message: string): RefusedGeneration {
  return { ok: false, code: 'unknown_model', errors: [{ field: 'model_id', message }] };
}

function inputOf(request: GenerationRequestBody): GenerationInput {
  return {
    prompt: request.prompt ?? '',
    negative_prompt: request.negative_prompt ?? null,
    width: request.width ?? null,
    height: request.height ?? null,
    aspect_ratio: request.aspect_ratio ?? null,
    num_inference_steps: request.num_inference_steps ?? null,
    guidance_scale: request.guidance_scale ?? null,
    seed: request.seed ?? null,
    num_outputs: request.num_outputs ?? 1,
    output_format: request.output_format ?? null,
    source_image_url: request.source_image_url ?? null,
    source_image_id: request.source_image_id ?? null,
    reference_image_urls: request.reference_image_urls ?? [],
    strength: request.strength ?? null,
    style: request.style ?? null,
    model_options: request.model_options ?? {},
  };
}

function checkPrompt(draft: ProviderInputDraft, { prompt }: GenerationInput): void {
  if (prompt.trim() === '' && needsPrompt(draft.model)) draft.refuse('prompt', 'must not be empty');
  if (prompt.length > PROMPT_MAX_LENGTH) draft.refuse('prompt', `must be at most ${PROMPT_MAX_LENGTH} characters long`);
}

function mapFields(draft: ProviderInputDraft, input: GenerationInput): void {
  for (const field of MAPPED_FIELDS) {
    const value = input[field];
    // No prompt: for models that need one it was refused, and to the others an empty one is not the same as none.
    if (value === null || (field === 'prompt' && input.prompt.trim() === '')) continue;
    const name = draft.model.fields[field];
    if (name === undefined) draft.warnUseless(field);
    else draft.send(name, value, field);
  }
}

function mapOutputs(draft: ProviderInputDraft, asked: number | null): void {
  const { outputs, id } = draft.model;
  if (asked === null) return;
  if (outputs === null) {
    if (asked !== 1) draft.refuse('num_outputs', 'must be 1 for this model');
    return;
  }
  if (asked > OUTPUTS_MAX) return draft.refuse('num_outputs', `must be at most ${OUTPUTS_MAX}`);
  draft.send(outputs.field, asked, 'num_outputs');
  if (asked > 1) {
    draft.sendAll(outputs.beside, 'num_outputs');
    if (outputs.mayBeFewer) draft.warn('num_outputs', `${id} may make fewer images than it is asked for`);
  }
}

/** A format that the model cannot make is never a mere warning: the client would get other bytes than it relies on. */
function mapFormat(draft: ProviderInputDraft, { output_format: asked }: GenerationInput): void {
  const { formatField, output } = draft.model;
  if (asked === null) return;
  if (formatField === null && output.formats.length === 0) {
    return draft.refuse('output_format', 'cannot be chosen: this model makes a format of its own');
  }
  const format = output.formats.find((made) => made === asked || (isJpeg(made) && isJpeg(asked)));
  if (format === undefined) draft.refuse('output_format', `must be one of ${output.formats.join(', ')} for this model`);
  else if (formatField !== null) draft.send(formatField, format, 'output_format');
}

function isJpeg(format: string): boolean {
  return format === 'jpg' || format === 'jpeg';
}

/** A source that would be ignored is refused: the result would be another image altogether, and be paid for. */
function mapSource(draft: ProviderInputDraft, input: GenerationInput): void {
  const { source, references } = draft.model;
  const { source_image_url: url, reference_image_urls: further } = input;
  if (url === null) {
    if (source?.required) draft.refuse('source_image_url', 'is required by this model');
  } else if (source === null) {
    draft.refuse('source_image_url', 'cannot be used: this model takes no source image');
  } else {
    draft.send(source.field, source.list ? [url] : url, 'source_image_url');
  }
  if (further.length > 0) mapReferences(draft, references, source?.list && url !== null ? [url] : [], further);
}

function mapReferences(
  draft: ProviderInputDraft,
  references: Model['references'],
  before: readonly string[],
  further: readonly string[],
): void {
  const field = 'reference_image_urls';
  if (references === null) return draft.refuse(field, 'cannot be used: this model takes no reference images');
  const all = references.field === draft.model.source?.field ? [...before, ...further] : further;
  if (all.length > references.max) {
    return draft.refuse(field, `must be fewer: this model takes ${references.max} images at most`);
  }
  draft.send(references.field, all, field);
}

/** A mask says what of the source is repainted: neither is of use without the other. */
function mapMask(draft: ProviderInputDraft, { source_image_url: url, model_options: options }: GenerationInput): void {
  const mask = draft.model.source?.mask;
  if (!mask) return;
  const field = `model_options.${mask.field}`;
  const given = Object.hasOwn(options, mask.field);
  if (given && url === null) draft.refuse(field, 'needs source_image_url: it says what of the source is repainted');
  if (!given && url !== null && mask.required) draft.refuse(field, 'is required by this model beside source_image_url');
}

function mapStrength(draft: ProviderInputDraft, { source_image_url: url, strength }: GenerationInput): void {
  if (strength === null) return;
  if (!(strength >= 0 && strength <= 1)) return draft.refuse('strength', 'must be between 0 and 1');
  const taken = draft.model.source?.strength;
  if (!taken) return draft.warnUseless('strength');
  if (url === null) return draft.warn('strength', 'strength has no effect without source_image_url; it is ignored');
  draft.send(taken.field, taken.counts === 'departure' ? strength : complement(strength), 'strength');
}

/** 1 − strength without the noise of binary fractions (1 − 0.9 is 0.09999999999999998). */
export function complement(strength: number): number {
  return Math.round((1 - strength) * 1e6) / 1e6;
}

/** Inputs that have a field of their own in the request cannot be set past it: the two could contradict each other. */
function mapOptions(draft: ProviderInputDraft, input: GenerationInput): void {
  const owned = ownedInputs(draft.model);
  const contradiction = contradictionOfSize(draft, input);
  const limits = new Map(input.source_image_url === null ? [] : Object.entries(draft.model.source?.limits ?? {}));
  for (const [name, value] of Object.entries(input.model_options)) {
    const field = `model_options.${name}`;
    const owner = owned.get(name);
    const fault = owner === undefined ? contradiction(name, value) : `must be given as ${owner}`;
    const { maximum = Infinity } = limits.get(name) ?? {};
    if (fault !== null) draft.refuse(field, fault);
    else if (typeof value === 'number' && value > maximum) {
      draft.refuse(field, `must be at most ${maximum} beside a source image`);
    } else draft.send(name, value, field);
  }
}

/** The model's inputs that a request field stands for, with the name of that field. */
export function ownedInputs({
  fields,
  outputs,
  formatField,
  source,
  references,
  size,
}: Model): ReadonlyMap<string, string> {
  const owned = new Map<string, string>();
  const own = (name: string | null | undefined, field: string) => name != null && owned.set(name, field);
  for (const field of MAPPED_FIELDS) own(fields[field], field);
  own(outputs?.field, 'num_outputs');
  for (const name of Object.keys(outputs?.beside ?? {})) own(name, 'num_outputs');
  own(formatField, 'output_format');
  own(references?.field, 'reference_image_urls');
  own(source?.field, 'source_image_url');
  own(source?.strength?.field, 'strength');
  own(size?.pixels?.width, 'width');
  own(size?.pixels?.height, 'height');
  for (const name of inputsOfEvery(size)) own(name, 'aspect_ratio');
  if (size) own('aspect_ratio', 'aspect_ratio');
  return owned;
}

function outputsOf({ model: { outputs, input: schema }, input }: ProviderInputDraft): number {
  if (outputs === null) return 1;
  return Number(input[outputs.field] ?? schema.properties[outputs.field]?.default ?? 1);
}
