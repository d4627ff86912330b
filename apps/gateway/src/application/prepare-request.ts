import { laneOf, type EventData, type PreparedGeneration } from '@darkroom/domain';
import { invalid } from '../errors/app-error.js';
import { DEFAULT_WEBHOOK_EVENTS, type GenerationRequest } from './generation-request.js';
import { imagesGiven, unsafeAddresses, type AddressRules } from './given-addresses.js';
import type { ModelCatalogue } from './models.js';
import { imageAddress, type GivenAddress } from './own-images.js';

const LONGEST_DELAY_MS = 366 * 24 * 60 * 60 * 1_000;

export interface RequestRules extends AddressRules {
  /** For requests that name no number. */
  readonly maxAttempts: number;
}

type RequestData = Omit<EventData['GenerationRequested'], 'user_id' | 'request_hash' | 'concurrency_limit'>;

export interface PreparedRequest {
  readonly prepared: PreparedGeneration;
  readonly request: RequestData;
  /** Addresses of images, by the fields that give them. Those that lead to this API are still to be resolved. */
  readonly images: readonly GivenAddress[];
}

/**
 * Checks a request against the model's rules and our own, and fills in the defaults.
 * @throws AppError `validation_failed`, `unknown_model` or `unsafe_url`
 */
export function prepareRequest(
  body: GenerationRequest,
  models: ModelCatalogue,
  rules: RequestRules,
  now: Date,
): PreparedRequest {
  const prepared = prepare(body, models, rules);
  if (body.scheduled_at && Date.parse(body.scheduled_at) > now.getTime() + LONGEST_DELAY_MS) {
    throw invalid([{ field: 'scheduled_at', message: 'scheduled_at must be at most one year ahead' }]);
  }
  if (body.deadline && Date.parse(body.deadline) <= Math.max(now.getTime(), Date.parse(body.scheduled_at ?? '') || 0)) {
    throw invalid([{ field: 'deadline', message: 'deadline must be later than now, and than scheduled_at' }]);
  }
  const images = imagesGiven(prepared.model, body, rules);
  const unsafe = unsafeAddresses(body, images, rules);
  if (unsafe.length > 0) throw invalid(unsafe, 'unsafe_url');

  const priority = body.priority ?? 0;
  const request = {
    model_id: prepared.model.id,
    input: prepared.input,
    provider_input: prepared.providerInput,
    provider_version: prepared.providerVersion,
    priority,
    lane: laneOf(priority),
    max_attempts: body.max_attempts ?? rules.maxAttempts,
    scheduled_at: body.scheduled_at ? new Date(body.scheduled_at).toISOString() : null,
    deadline: body.deadline ? new Date(body.deadline).toISOString() : null,
    webhook: body.webhook_url ? { url: body.webhook_url, events: body.webhook_events ?? DEFAULT_WEBHOOK_EVENTS } : null,
    metadata: body.metadata ?? {},
    estimated_cost_usd: prepared.estimatedCostUsd,
    warnings: prepared.warnings,
    batch_id: null,
  };
  return { prepared, request, images };
}

/** To the models an image of ours is an image at an address. */
function prepare(body: GenerationRequest, models: ModelCatalogue, { publicUrl }: RequestRules): PreparedGeneration {
  const { source_image_id: id, source_image_url = null } = body;
  if (!id) return accepted(models.prepare(body));
  const result = models.prepare({ ...body, source_image_url: imageAddress(publicUrl, id) });
  if (result.ok) return { ...result, input: { ...result.input, source_image_url } };
  const errors = result.errors.map((error) =>
    error.field === 'source_image_url'
      ? { field: 'source_image_id', message: error.message.replace('source_image_url', 'source_image_id') }
      : error,
  );
  return accepted({ ...result, errors });
}

function accepted(result: ReturnType<ModelCatalogue['prepare']>): PreparedGeneration {
  if (!result.ok) throw invalid(result.errors, result.code);
  return result;
}
