import type { GenerationInput } from '../generation/events.js';
import type { ProviderInputDraft } from './draft.js';
import { faultOf } from './input-schema.js';
import { choiceOf, nearestChoice, ratioOf, sizeOfRatio, type SizeChoice, type SizeRule } from './size.js';

const SIZE_FIELDS = ['width', 'height', 'aspect_ratio'] as const;

/** Puts the asked size, if any, into the draft: see `SizeRule` for the ways in which models are asked. */
export function mapSize(draft: ProviderInputDraft, input: GenerationInput): void {
  const { width, height, aspect_ratio } = input;
  const asked = SIZE_FIELDS.filter((field) => input[field] !== null);
  if (asked.length === 0) return;
  if ((width === null) !== (height === null)) {
    return draft.refuse(width === null ? 'width' : 'height', 'is missing: give both width and height, or neither');
  }
  if (width !== null && aspect_ratio !== null) {
    return draft.refuse('aspect_ratio', 'cannot be given together with width and height');
  }

  const { size } = draft.model;
  if (size === null) return asked.forEach((field) => draft.warnUseless(field));
  if (shapeComesFromSource(draft, input)) {
    return asked.forEach((field) =>
      draft.warn(field, `${field} has no effect: the result takes the shape of the source image`),
    );
  }
  if (width !== null && height !== null) return mapPixels(draft, size, width, height);
  if (aspect_ratio !== null) mapRatio(draft, size, aspect_ratio);
}

function shapeComesFromSource({ model: { source } }: ProviderInputDraft, input: GenerationInput): boolean {
  if (!source?.givesShape || input.source_image_url === null) return false;
  return source.sizeReturnsWith === null || !Object.hasOwn(input.model_options, source.sizeReturnsWith);
}

function mapPixels(draft: ProviderInputDraft, size: SizeRule, width: number, height: number): void {
  if (size.by === 'pixels') {
    draft.send(size.width, width, 'width');
    draft.send(size.height, height, 'height');
    return;
  }
  for (const [field, pixels] of Object.entries({ width, height })) {
    if (!(Number.isSafeInteger(pixels) && pixels > 0)) return draft.refuse(field, 'must be a whole number above 0');
  }
  const { inputs, instead } = nearestChoice(size.choices, width, height);
  for (const [name, value] of Object.entries(inputs)) draft.send(name, value, 'width');
  if (instead) draft.warn('width', insteadOf(`${width}×${height}`, draft.model.id, instead));
}

function insteadOf(asked: string, modelId: string, { width, height, aspect_ratio }: SizeChoice): string {
  return `${modelId} does not make ${asked}: the nearest that it makes is ${width}×${height} (${aspect_ratio})`;
}

function mapRatio(draft: ProviderInputDraft, size: SizeRule, aspectRatio: string): void {
  if (size.by === 'choices') {
    const choice = choiceOf(size.choices, aspectRatio);
    const offered = [...new Set(size.choices.map((each) => each.aspect_ratio))];
    if (choice === null) return draft.refuse('aspect_ratio', `must be one of ${offered.join(', ')} for this model`);
    for (const [name, value] of Object.entries(choice.inputs)) draft.send(name, value, 'aspect_ratio');
    return;
  }
  const ratio = ratioOf(aspectRatio);
  const [width, height] = [draft.schemaOf(size.width), draft.schemaOf(size.height)];
  if (ratio === null || !width || !height) return draft.refuse('aspect_ratio', 'must be a ratio such as 16:9');
  const pixels = sizeOfRatio(ratio, size.area, width, height);
  const fault = faultOf(width, pixels.width) ?? faultOf(height, pixels.height);
  if (fault !== null) {
    return draft.refuse('aspect_ratio', `is too far from square: of ${pixels.width}×${pixels.height}, a side ${fault}`);
  }
  draft.send(size.width, pixels.width, 'aspect_ratio');
  draft.send(size.height, pixels.height, 'aspect_ratio');
}
