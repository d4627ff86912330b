import { FAILURE_CODES, LANES, MODEL_KINDS, STAGES, STATUSES } from '@darkroom/domain';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../errors/app-error.js';

/** What the API answers, for its documentation; the tests hold the real answers to it. */

const time = z.iso.datetime();
const usd = z.number().nullable();

export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    request_id: z.string(),
    errors: z.array(z.strictObject({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({
    id: 'Problem',
    example: {
      type: 'urn:darkroom:error:validation_failed',
      title: 'The request is not valid',
      status: 422,
      detail: 'num_outputs: Too big: expected number to be <=4',
      code: 'validation_failed',
      request_id: '5c1e8f0a-8d2f-4a52-9f3e-0f4f2f6f0b1d',
      errors: [{ field: 'num_outputs', message: 'num_outputs: Too big: expected number to be <=4' }],
    },
  });

const image = z
  .strictObject({
    id: z.uuid(),
    url: z.url(),
    thumbnail_url: z.url().nullable(),
    format: z.string(),
    width: z.int(),
    height: z.int(),
    bytes: z.int(),
    sha256: z.string(),
    blurhash: z.string(),
  })
  .meta({ id: 'Image' });

export const imageAnswer = image.extend({ generation_id: z.uuid() }).meta({ id: 'ImageOfGeneration' });

export const upload = z
  .strictObject({
    id: z.string(),
    url: z.url().meta({ description: 'Stands for the image in `source_image_url` and `reference_image_urls`.' }),
    width: z.int(),
    height: z.int(),
    format: z.enum(['png', 'jpeg', 'webp']),
    bytes: z.int(),
    expires_at: time.nullable().meta({ description: 'Null: it is kept.' }),
  })
  .meta({ id: 'Upload' });

const warnings = z.array(z.strictObject({ field: z.string(), message: z.string() }));

export const generation = z
  .strictObject({
    id: z.uuid(),
    status: z.enum(STATUSES),
    progress: z.int().min(0).max(100),
    model_id: z.string(),
    prompt: z.string(),
    negative_prompt: z.string().nullable(),
    width: z.int().nullable(),
    height: z.int().nullable(),
    aspect_ratio: z.string().nullable(),
    num_inference_steps: z.int().nullable(),
    guidance_scale: z.number().nullable(),
    seed: z.int().nullable(),
    num_outputs: z.int(),
    output_format: z.string().nullable(),
    source_image_url: z.string().nullable(),
    source_image_id: z.uuid().nullable(),
    reference_image_urls: z.array(z.string()),
    strength: z.number().nullable(),
    style: z.string().nullable(),
    model_options: z.record(z.string(), z.unknown()),
    attempt: z.int(),
    max_attempts: z.int(),
    priority: z.int(),
    lane: z.enum(LANES),
    queue_position: z.int().min(1).nullable().meta({
      description:
        'Place in the queue it waits in, 1 = next: in its user’s own line while as many of the user’s run as may, else among what waits in its lane (high, normal, low) for a worker, whoever’s it is, by the time it was asked for. Null when it does not wait, in lists and in live updates, and when the broker does not tell.',
    }),
    created_at: time,
    scheduled_at: time.nullable(),
    deadline: time.nullable(),
    started_at: time.nullable(),
    completed_at: time.nullable(),
    retry_at: time.nullable(),
    error: z
      .strictObject({
        code: z.enum(FAILURE_CODES),
        message: z.string(),
        stage: z.enum(STAGES),
        retryable: z.boolean(),
      })
      .nullable(),
    images: z.array(image),
    cost: z.strictObject({ estimated_usd: usd, actual_usd: usd }),
    warnings,
    metadata: z.record(z.string(), z.string()),
    batch_id: z.string().nullable(),
    version: z.int(),
    position: z.int(),
  })
  .meta({ id: 'Generation' });

export const generationPage = z
  .strictObject({
    data: z.array(generation),
    next_cursor: z.string().nullable().meta({ description: 'For the next page; null on the last.' }),
    position: z.int().meta({ description: 'Position of the log that the page reflects.' }),
  })
  .meta({ id: 'GenerationPage' });

export const quote = z
  .strictObject({
    model_id: z.string(),
    version: z.string().nullable(),
    provider_input: z.record(z.string(), z.unknown()),
    warnings,
    cost: z.strictObject({ estimated_usd: usd }),
  })
  .meta({ id: 'Quote' });

const limit = z
  .strictObject({
    used: z.int().min(0).meta({ description: '0 without a limit: nothing is counted then.' }),
    limit: z.int().nullable().meta({ description: 'Null: none.' }),
    resets_at: time.nullable(),
  })
  .meta({ id: 'Limit' });

export const limits = z
  .strictObject({
    hourly: limit.meta({ description: 'Requests of the present hour, UTC.' }),
    daily: limit.meta({ description: 'Requests of the present day, UTC.' }),
    concurrent: limit.meta({ description: 'Generations that run now. Those above the limit wait in line.' }),
  })
  .meta({ id: 'Limits' });

export const history = z
  .strictObject({
    data: z.array(
      z.strictObject({
        id: z.uuid(),
        position: z.int(),
        version: z.int(),
        type: z.string(),
        time,
        data: z.record(z.string(), z.unknown()),
      }),
    ),
  })
  .meta({ id: 'History' });

const price = z
  .strictObject({
    usd_per_image: z.number(),
    usd_per_second: z.number(),
    usd_per_run: z.number(),
    usd_per_megapixel: z.number(),
  })
  .partial()
  .meta({ description: 'US dollars, by what the model is billed by: those that are there add up.' });

export const model = z
  .strictObject({
    id: z.string(),
    version: z.string().nullable(),
    title: z.string(),
    kind: z.enum(MODEL_KINDS),
    parameters: z.record(z.string(), z.unknown()).meta({
      description: 'JSON Schema of the fields of a request that have an effect on it.',
    }),
    aspect_ratios: z.array(z.string()),
    sizes: z
      .array(z.strictObject({ aspect_ratio: z.string(), width: z.int(), height: z.int(), exact: z.boolean() }))
      .meta({ description: 'Pixels. Not `exact`: about these, since its maker tells shape and resolution alone.' }),
    defaults: z.record(z.string(), z.unknown()).meta({ description: 'What it does where a request says nothing.' }),
    output_formats: z.array(z.string()).meta({ description: 'Empty where its maker does not say.' }),
    price: price.nullable().meta({ description: 'Null where none is confirmed.' }),
    typical_seconds: z.number().nullable(),
    good_at: z.string(),
    max_source_images: z.int().min(0).meta({ description: 'Images to start from, or to resemble. 0: it takes none.' }),
    active: z.boolean().meta({ description: 'False: a request for it is refused with `unknown_model`.' }),
    note: z.string().nullable().meta({ description: 'Why it is not offered, or what could not be confirmed of it.' }),
    successor: z.string().nullable().meta({ description: 'What to ask for instead of a model that is not offered.' }),
  })
  .meta({ id: 'Model' });

export const models = z.strictObject({ data: z.array(model) }).meta({ id: 'Models' });
