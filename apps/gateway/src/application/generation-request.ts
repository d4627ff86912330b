import { DEFAULT_MODEL_ID, PROMPT_MAX_LENGTH } from '@darkroom/domain';
import { z } from 'zod';
import { isStorable } from './storable-text.js';

export const WEBHOOK_EVENTS = [
  'generation.started',
  'generation.progressed',
  'generation.completed',
  'generation.failed',
  'generation.cancelled',
] as const;

/** Without `webhook_events`: all but progress, which is asked for by name. */
export const DEFAULT_WEBHOOK_EVENTS = WEBHOOK_EVENTS.filter((event) => event !== 'generation.progressed');

/** Bytes of the metadata as JSON. */
const METADATA_MAX_BYTES = 4_096;

const httpUrl = z
  .string()
  .max(2_048, 'must be at most 2048 characters long')
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http or https URL');

/** More than any model takes. */
const MOST_REFERENCES = 14;

const metadata = z
  .record(z.string().min(1), z.string())
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= METADATA_MAX_BYTES, {
    error: `must be at most ${METADATA_MAX_BYTES} bytes of JSON`,
  });

/** No model's input goes deeper; what does was made to exhaust whoever looks into it. */
const OPTIONS_MAX_DEPTH = 8;

const modelOptions = z.record(z.string(), z.unknown()).refine((value) => isWithinDepth(value, OPTIONS_MAX_DEPTH), {
  error: `must not be nested deeper than ${OPTIONS_MAX_DEPTH} levels`,
  // Later checks look into it.
  abort: true,
});

const fields = {
  prompt: z.string().min(1, 'must not be empty').max(PROMPT_MAX_LENGTH).nullish().meta({
    description:
      'What the image shows. Required, but for models of the kinds upscale and background-removal, which may do without.',
    example: 'a lighthouse at dusk, oil on canvas',
  }),
  model_id: z
    .string()
    .max(200)
    .nullish()
    .meta({
      description: `A model of \`GET /v1/models\`. Default ${DEFAULT_MODEL_ID}.`,
      example: DEFAULT_MODEL_ID,
    }),
  negative_prompt: z.string().max(PROMPT_MAX_LENGTH).nullish().meta({ description: 'What the image must not show.' }),
  width: z.int().min(1).max(16_384).nullish().meta({ description: 'Pixels. With `height`.' }),
  height: z.int().min(1).max(16_384).nullish().meta({ description: 'Pixels. With `width`.' }),
  aspect_ratio: z.string().max(20).nullish().meta({ description: 'Instead of `width` and `height`.', example: '16:9' }),
  num_inference_steps: z.int().min(1).max(1_000).nullish(),
  guidance_scale: z.number().min(0).max(1_000).nullish(),
  seed: z
    .int()
    .min(0)
    .nullish()
    .meta({ description: 'The same seed and input give the same image, if the model can.' }),
  num_outputs: z.int().min(1).max(4).nullish().meta({ description: 'Number of images. Default 1.' }),
  output_format: z.string().max(20).nullish().meta({ description: 'A format that the model makes.', example: 'webp' }),
  source_image_url: httpUrl.nullish().meta({
    description: 'An image to start from: a public https address, or the `url` of an upload or an image of your own.',
  }),
  source_image_id: z.uuid().nullish().meta({
    description: 'Instead of `source_image_url`: an image of an earlier generation of yours.',
  }),
  reference_image_urls: z.array(httpUrl).max(MOST_REFERENCES).nullish().meta({
    description:
      'Images that the result is to resemble, addressed like `source_image_url`, if the model takes several.',
  }),
  strength: z.number().min(0).max(1).nullish().meta({
    description: 'How far the result may leave the source image: 0 keeps it, 1 replaces it. The same for every model.',
  }),
  style: z.string().max(200).nullish(),
  model_options: modelOptions.nullish().meta({
    description: 'Further inputs that this model takes, under its own names.',
  }),
  priority: z.int().min(-100).max(100).nullish().meta({
    description: 'Above 0 is served before, below 0 after the others. Default 0.',
  }),
  max_attempts: z.int().min(1).max(10).nullish(),
  scheduled_at: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time' }).nullish().meta({
    description: 'Not to begin before. A time that has passed means at once; at most one year ahead.',
    example: '2030-01-01T12:00:00Z',
  }),
  deadline: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time' }).nullish().meta({
    description: 'Not to be started after this: what is still in a queue then fails with `deadline_passed`.',
    example: '2030-01-01T12:05:00Z',
  }),
  webhook_url: httpUrl.nullish().meta({ description: 'Where to tell of changes, by signed POST. Must be public.' }),
  webhook_events: z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length).nullish().meta({
    description: 'Which changes to tell of. Default: all but generation.progressed.',
  }),
  metadata: metadata.nullish().meta({
    description: 'Your own labels: at most 4 KB of strings. Lists can be filtered by them.',
    example: { project: 'spring-campaign' },
  }),
};

/**
 * What a client may ask for, checked as far as that does not depend on the model. Fields that are missing or null are
 * left to the defaults, which are not filled in here: the hash of a request must not change when a default does.
 */
export const generationRequest = z
  .strictObject(fields)
  .superRefine((body, context) => {
    for (const path of unstorableTexts(body)) {
      context.addIssue({ code: 'custom', path, message: 'must not contain U+0000 or half of a surrogate pair' });
    }
    if (body.source_image_id && body.source_image_url) {
      context.addIssue({ code: 'custom', path: ['source_image_id'], message: 'cannot stand beside source_image_url' });
    }
    if (body.webhook_events && !body.webhook_url) {
      context.addIssue({ code: 'custom', path: ['webhook_url'], message: 'is required with webhook_events' });
    }
  })
  .meta({ id: 'GenerationRequest' });

export type GenerationRequest = z.output<typeof generationRequest>;

/** Paths of all texts, keys included, that Postgres or UTF-8 cannot hold. */
function unstorableTexts(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value === 'string') return isStorable(value) ? [] : [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    isStorable(key) ? unstorableTexts(inner, [...path, key]) : [[...path]],
  );
}

/** Level by level and not by recursion, which a deep enough value would exhaust. */
function isWithinDepth(value: unknown, levels: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth < levels && level.length > 0; depth++) {
    level = level.flatMap((inner): unknown[] =>
      typeof inner === 'object' && inner !== null ? Object.values(inner) : [],
    );
  }
  return level.length === 0;
}
