import { STORAGE_ADDRESS, type FailureCode } from '@darkroom/domain';
import { InvalidImageError } from '@darkroom/images';
import { ProviderError } from '@darkroom/provider';
import { StorageError } from '@darkroom/storage';
import { DownloadError } from '../download/download-error.js';
import { createFailure, type CreateFailure } from '../generate/prediction-outcome.js';

/** A storage that is away is nobody's attempt. Milliseconds. */
const STORAGE_PAUSE_MS = 10_000;

/**
 * What it means for an attempt that an image could not be handed over; nothing was asked of the model. Null for what is
 * not the image's failure, but ours.
 */
export function sourceFailure(error: unknown, address: string, outOfCreditPauseMs: number): CreateFailure | null {
  const failed = (code: FailureCode, retryable: boolean): CreateFailure => ({
    error: { code, message: `${nameOf(address)} ${reasonOf(error as Error)}`.slice(0, 1_000), retryable },
    counted: true,
    pauseMs: null,
  });
  if (error instanceof InvalidImageError) return failed('source_invalid', false);
  if (error instanceof ProviderError) return createFailure(error, outOfCreditPauseMs);
  if (error instanceof StorageError) {
    if (!error.retryable) return failed('source_unavailable', false);
    return { ...failed('storage_unavailable', true), counted: false, pauseMs: STORAGE_PAUSE_MS };
  }
  if (!(error instanceof DownloadError)) return null;
  switch (error.code) {
    case 'private_address':
    case 'invalid_url':
      return failed('source_unsafe', false);
    case 'too_large':
      return failed('source_invalid', false);
    default:
      return failed('source_unavailable', error.retryable);
  }
}

/** The user's words for it: keys of our storage tell nothing. */
function nameOf(address: string): string {
  if (address.startsWith(STORAGE_ADDRESS)) return 'The stored source image';
  return `The source image at ${URL.parse(address)?.host ?? 'its address'}`;
}

function reasonOf(error: Error): string {
  if (error instanceof InvalidImageError) return error.message;
  if (error instanceof StorageError) return error.retryable ? 'cannot be read now' : 'is no longer stored';
  return `was not fetched: ${error.message}`;
}
