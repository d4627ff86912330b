import { actualCostUsd, findModel, type EventData, type GenerationError } from '@darkroom/domain';
import { throttledMs, type Prediction, type ProviderError } from '@darkroom/provider';

/** Replicate removes input, output and logs one hour after a prediction ended (its docs, "Data retention"). */
const OUTPUT_LIFETIME_MS = 3_600_000;

/** How models say that they will not draw something: no repetition helps. */
const REFUSED_CONTENT = /nsfw|sensitive|safety|flagged|moderation|content policy|\(E005\)/i;

export type PredictionOutcome =
  | {
      readonly kind: 'generated';
      readonly outputs: readonly string[];
      readonly outputsExpireAt: string;
      readonly metrics: EventData['Generated']['metrics'];
      readonly seed: number | null;
      readonly actualCostUsd: number | null;
    }
  | { readonly kind: 'failed'; readonly error: GenerationError };

/** What an ended prediction means for its generation. */
export function outcomeOf(
  prediction: Prediction,
  request: EventData['GenerationRequested'],
  now: string,
): PredictionOutcome {
  switch (prediction.status) {
    case 'succeeded':
      if (prediction.outputs.length > 0) return generated(prediction, request, now);
      return prediction.dataRemoved
        ? failed('output_expired', 'The provider had removed the images before they were seen', true)
        : failed('empty_output', 'The model ended without an image', true);
    case 'canceled':
      return prediction.deadline !== null && prediction.deadline <= now
        ? failed('prediction_timeout', 'The model was stopped at its deadline', true)
        : failed('prediction_canceled', 'The prediction was cancelled at the provider', false);
    case 'aborted':
      return failed('prediction_aborted', 'The deadline passed before the model started; nothing was charged', true);
    default: {
      const message = prediction.error ?? 'The model failed and gave no reason';
      return REFUSED_CONTENT.test(message)
        ? failed('content_refused', message, false)
        : failed('prediction_failed', message, true);
    }
  }
}

function generated(prediction: Prediction, request: EventData['GenerationRequested'], now: string): PredictionOutcome {
  const { outputs, predictTime, totalTime } = prediction;
  const endedAt = Date.parse(prediction.completedAt ?? now);
  return {
    kind: 'generated',
    outputs,
    outputsExpireAt: new Date(endedAt + OUTPUT_LIFETIME_MS).toISOString(),
    metrics: { predict_time: predictTime, total_time: totalTime },
    seed: request.input.seed ?? seedIn(prediction.logs),
    actualCostUsd: actualCostUsd(findModel(request.model_id), request.provider_input, {
      outputs: outputs.length,
      predictTime,
    }),
  };
}

/** Models on Replicate write the seed they drew into their logs, as `Using seed: 42`. */
function seedIn(logs: string): number | null {
  const match = /\bseed:\s*(\d{1,15})\b/i.exec(logs);
  return match ? Number(match[1]) : null;
}

function failed(code: GenerationError['code'], message: string, retryable: boolean): PredictionOutcome {
  return { kind: 'failed', error: { code, message: message.slice(0, 1_000), retryable } };
}

/** What a refused or impossible create means: the error, whether it was an attempt, and a pause if the provider named one. */
export interface CreateFailure {
  readonly error: GenerationError;
  readonly counted: boolean;
  /** Milliseconds; null: the usual backoff. */
  readonly pauseMs: number | null;
}

/** For every kind but `outcome_unknown`, which must be looked into and not only recorded. */
export function createFailure(error: ProviderError, outOfCreditPauseMs: number): CreateFailure {
  const { kind, message } = error;
  const failure = (code: GenerationError['code'], retryable: boolean): CreateFailure => ({
    error: { code, message: message.slice(0, 1_000), retryable },
    counted: true,
    pauseMs: null,
  });
  switch (kind) {
    case 'throttled':
      return { ...failure('provider_throttled', true), counted: false, pauseMs: throttledMs(error) };
    case 'out_of_credit':
      return { ...failure('provider_out_of_credit', true), counted: false, pauseMs: outOfCreditPauseMs };
    case 'unauthorized':
      return failure('provider_unauthorized', false);
    case 'rejected':
    case 'not_found':
      return failure('provider_rejected', false);
    case 'unavailable':
      return failure('provider_unavailable', true);
    case 'outcome_unknown':
      return failure('outcome_unknown', true);
  }
}

const LONGEST_JITTER_MS = 5_000;

/** A pause that many were told to make, a little longer by chance, so that they do not all come back together. */
export function afterPauseMs(pauseMs: number, random: number): number {
  return Math.round(pauseMs + Math.min(pauseMs / 4, LONGEST_JITTER_MS) * random);
}
