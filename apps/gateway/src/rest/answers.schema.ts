import { FAILURE_CODES, LANES, STAGES, STATUSES } from '@darkroom/domain';
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

export const model = z
  .strictObject({
    id: z.string(),
    version: z.string().nullable(),
    title: z.string(),
    kind: z.string(),
    parameters: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema of the fields it heeds.' }),
    aspect_ratios: z.array(z.string()),
    sizes: z.array(z.strictObject({ aspect_ratio: z.string(), width: z.number(), height: z.number() })),
    defaults: z.record(z.string(), z.unknown()),
    output_formats: z.array(z.string()),
    price: z
      .union([z.strictObject({ usd_per_image: z.number() }), z.strictObject({ usd_per_second: z.number() })])
      .nullable(),
    typical_seconds: z.number().nullable(),
    active: z.boolean(),
  })
  .meta({ id: 'Model' });

export const models = z.strictObject({ data: z.array(model) }).meta({ id: 'Models' });
