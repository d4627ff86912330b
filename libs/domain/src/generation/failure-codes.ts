/**
 * Why an attempt or a generation failed. A closed list: it labels metrics, and clients switch on it. `source_unavailable`,
 * `source_invalid` (too large, or no image that we take) and `source_unsafe` (an address that is not fetched from) are of
 * the images to start from: nothing was asked of the provider.
 * `deadline_passed`: the client's own deadline came before an attempt could begin. `generation_timeout`: no time was left
 * for another attempt. `delivery_exhausted` is the net under work that kills its worker.
 */
export const FAILURE_CODES = [
  'source_unavailable',
  'source_invalid',
  'source_unsafe',
  'provider_rejected',
  'provider_unauthorized',
  'provider_throttled',
  'provider_out_of_credit',
  'provider_unavailable',
  'outcome_unknown',
  'content_refused',
  'prediction_failed',
  'prediction_canceled',
  'prediction_aborted',
  'prediction_timeout',
  'empty_output',
  'output_expired',
  'download_failed',
  'image_invalid',
  'image_too_large',
  'storage_unavailable',
  'deadline_passed',
  'generation_timeout',
  'delivery_exhausted',
  'internal',
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];
