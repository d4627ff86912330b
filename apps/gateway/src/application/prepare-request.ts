import { laneOf, type EventData, type FieldError, type PreparedGeneration } from '@darkroom/domain';
import { invalid } from '../errors/app-error.js';
import { DEFAULT_WEBHOOK_EVENTS, type GenerationRequest } from './generation-request.js';
import type { ModelCatalogue } from './models.js';
import { pointsToPrivateNetwork } from './unsafe-url.js';

const LONGEST_DELAY_MS = 366 * 24 * 60 * 60 * 1_000;

export interface RequestRules {
  /** For requests that name no number. */
  readonly maxAttempts: number;
  readonly allowPrivateUrls: boolean;
}

type RequestData = Omit<EventData['GenerationRequested'], 'user_id' | 'request_hash' | 'concurrency_limit'>;

/**
 * Checks a request against the model's rules and our own, and fills in the defaults.
 * @throws AppError `validation_failed`, `unknown_model` or `unsafe_url`
 */
export function prepareRequest(
  body: GenerationRequest,
  models: ModelCatalogue,
  rules: RequestRules,
  now: Date,
): { readonly prepared: PreparedGeneration; readonly request: RequestData } {
  const prepared = models.prepare(body);
  if (!prepared.ok) throw invalid(prepared.errors, prepared.code);
  if (body.scheduled_at && Date.parse(body.scheduled_at) > now.getTime() + LONGEST_DELAY_MS) {
    throw invalid([{ field: 'scheduled_at', message: 'scheduled_at must be at most one year ahead' }]);
  }
  if (body.deadline && Date.parse(body.deadline) <= Math.max(now.getTime(), Date.parse(body.scheduled_at ?? '') || 0)) {
    throw invalid([{ field: 'deadline', message: 'deadline must be later than now, and than scheduled_at' }]);
  }
  if (!rules.allowPrivateUrls) {
    const unsafe = unsafeAddresses(body);
    if (unsafe.length > 0) throw invalid(unsafe, 'unsafe_url');
  }

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
  return { prepared, request };
}

/** Addresses that we, or the provider for us, would connect to; a model's own inputs may hold some too. */
function unsafeAddresses({ source_image_url, webhook_url, model_options }: GenerationRequest): FieldError[] {
  const options = Object.entries(model_options ?? {}).flatMap(([name, value]) =>
    [value].flat().map((item: unknown) => [`model_options.${name}`, item] as const),
  );
  return [['source_image_url', source_image_url] as const, ['webhook_url', webhook_url] as const, ...options]
    .filter(([, value]) => typeof value === 'string' && /^\s*https?:/i.test(value) && isUnsafe(value))
    .map(([field]) => ({ field, message: `${field} must not point into a private network` }));
}

function isUnsafe(url: string): boolean {
  return !URL.canParse(url) || pointsToPrivateNetwork(url);
}
