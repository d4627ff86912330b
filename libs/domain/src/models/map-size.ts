import type { GenerationInput } from '../generation/events.js';
import type { ProviderInputDraft } from './draft.js';
import { faultOf } from './input-schema.js';
import {
  choiceOfRatio,
  inputsOfAny,
  nearestChoice,
  ratioOf,
  sizeWithin,
  toStep,
  type PixelInputs,
  type Pixels,
  type SizeChoice,
  type SizeRule,
} from './size.js';

const SIZE_FIELDS = ['width', 'height', 'aspect_ratio'] as const;

/** Puts the asked size, if any, into the draft: see `SizeRule` for the ways in which models are asked. */
export function mapSize(draft: ProviderInputDraft, input: GenerationInput): void {
  const { width, height, aspect_ratio } = input;
  const { size, source } = draft.model;
  const asked = SIZE_FIELDS.filter((field) => input[field] !== null);
  if (asked.length === 0) {
    if (source && input.source_image_url !== null) draft.sendAll(source.shape, 'source_image_url');
    return;
  }
  if ((width === null) !== (height === null)) {
    return draft.refuse(width === null ? 'width' : 'height', 'is missing: give both width and height, or neither');
  }
  if (width !== null && aspect_ratio !== null) {
    return draft.refuse('aspect_ratio', 'cannot be given together with width and height');
  }

  if (size === null) return asked.forEach((field) => draft.warnUseless(field));
  if (shapeComesFromSource(draft, input)) {
    return asked.forEach((field) =>
      draft.warn(field, `${field} has no effect: the result takes the shape of the source image`),
    );
  }
  if (width !== null && height !== null) mapPixels(draft, size, { width, height });
  if (aspect_ratio !== null) mapRatio(draft, size, aspect_ratio);
}

function shapeComesFromSource({ model: { source } }: ProviderInputDraft, input: GenerationInput): boolean {
  if (!source?.givesShape || input.source_image_url === null) return false;
  return !source.mask?.givesSizeBack || !Object.hasOwn(input.model_options, source.mask.field);
}

function mapPixels(draft: ProviderInputDraft, { choices, pixels }: SizeRule, asked: Pixels): void {
  for (const [field, value] of Object.entries(asked)) {
    if (!(Number.isSafeInteger(value) && value > 0)) return draft.refuse(field, 'must be a whole number above 0');
  }
  const choice = nearestChoice(choices, asked);
  if (choice?.exact && isSame(choice, asked)) return draft.sendAll(choice.inputs, 'width');
  const made = pixels && { width: toStep(asked.width, pixels.step), height: toStep(asked.height, pixels.step) };
  if (made && (choice === null || pixelFault(draft, pixels, made) === null)) {
    sendPixels(draft, pixels, made, { width: 'width', height: 'height' });
    if (!isSame(made, asked)) draft.warn('width', insteadOf(named(asked), draft.model.id, named(made)));
  } else if (choice) {
    draft.sendAll(choice.inputs, 'width');
    draft.warn('width', insteadOf(named(asked), draft.model.id, described(choice)));
  }
}

function isSame(one: Pixels, other: Pixels): boolean {
  return one.width === other.width && one.height === other.height;
}

function named({ width, height }: Pixels): string {
  return `${width}×${height}`;
}

function described(choice: SizeChoice): string {
  return choice.exact ? `${named(choice)} (${choice.aspect_ratio})` : `${choice.aspect_ratio}, about ${named(choice)}`;
}

function insteadOf(asked: string, modelId: string, made: string): string {
  return `${modelId} cannot be asked for ${asked}: the nearest is ${made}`;
}

function sendPixels(
  draft: ProviderInputDraft,
  { width, height, beside }: PixelInputs,
  pixels: Pixels,
  fields: { readonly width: string; readonly height: string },
): void {
  draft.sendAll(beside, fields.width);
  draft.send(width, pixels.width, fields.width);
  draft.send(height, pixels.height, fields.height);
}

/** By name; else in pixels, where the model takes them; else the nearest shape that it knows. */
function mapRatio(draft: ProviderInputDraft, { choices, pixels }: SizeRule, asked: string): void {
  const ratio = ratioOf(asked);
  if (ratio === null) return draft.refuse('aspect_ratio', 'must be a ratio such as 16:9');
  const choice = choiceOfRatio(choices, asked);
  if (choice && ratioOf(choice.aspect_ratio) === ratio) return draft.sendAll(choice.inputs, 'aspect_ratio');
  const made = pixels && sizeWithin(ratio, pixels, draft.model.input);
  const fault = made && pixelFault(draft, pixels, made);
  if (made && fault === null) {
    sendPixels(draft, pixels, made, { width: 'aspect_ratio', height: 'aspect_ratio' });
  } else if (choice) {
    draft.sendAll(choice.inputs, 'aspect_ratio');
    draft.warn('aspect_ratio', insteadOf(asked, draft.model.id, choice.aspect_ratio));
  } else if (made) {
    draft.refuse('aspect_ratio', `is too far from square: of ${made.width}×${made.height}, a side ${fault}`);
  }
}

function pixelFault(draft: ProviderInputDraft, { width, height }: PixelInputs, pixels: Pixels): string | null {
  const [wide, high] = [draft.schemaOf(width), draft.schemaOf(height)];
  return (wide && faultOf(wide, pixels.width)) ?? (high && faultOf(high, pixels.height));
}

/**
 * Tells whether a model option would contradict the size that the draft asks for already, or ask for one past the
 * request's own fields: the end of a sentence that its name begins, or null.
 */
export function contradictionOfSize(
  draft: ProviderInputDraft,
  { width }: GenerationInput,
): (option: string, value: unknown) => string | null {
  const { size } = draft.model;
  const { choices, pixels } = size ?? { choices: [], pixels: null };
  const beside: Readonly<Record<string, string>> = pixels?.beside ?? {};
  const deciding = new Set([...inputsOfAny(size), ...Object.keys(beside)]);
  const asked = inputsOfAny(size).filter((name) => Object.hasOwn(draft.input, name));
  const isInPixels = pixels !== null && Object.hasOwn(draft.input, pixels.width);
  return (option, value) => {
    if (!deciding.has(option)) return null;
    if (width !== null || beside[option] === value) return 'is decided by width and height';
    if (isInPixels) return 'cannot be given beside this aspect_ratio, for which a size in pixels is sent';
    const goesWithIt = ({ inputs }: SizeChoice) => [option, ...asked].every((name) => Object.hasOwn(inputs, name));
    return asked.length === 0 || choices.some(goesWithIt) ? null : 'cannot be given beside aspect_ratio';
  };
}
