import type { Attempt, EventData } from '@darkroom/domain';
import type { PredictionClaims } from '@darkroom/events';
import { isAnswerTo, ProviderError, type ImageProvider, type Prediction } from '@darkroom/provider';
import { pause } from '../pause.js';

/** A prediction can take a moment to appear in the provider's list. Pauses before each further look, milliseconds. */
const LOOKS_MS = [0, 500, 1_500, 3_000];
/** One look, for a prediction that would have been in the list for long. */
export const LAST_LOOK_MS = [0];

/** The provider's clock and ours may differ by this. Milliseconds. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * The prediction of an attempt that was given up. A known one is asked for. One whose answer was lost is looked for: one
 * of the same model and input, created since, that belongs to nobody else. Two generations that ask for the same may swap predictions; each gets what it asked for, and
 * neither is paid for twice.
 * @throws ProviderError when the provider cannot be asked; HandBack
 */
export async function findPrediction(
  provider: ImageProvider,
  claims: PredictionClaims,
  wanted: { generationId: string; request: EventData['GenerationRequested']; attempt: Attempt },
  signal: AbortSignal,
  looksMs: readonly number[] = LOOKS_MS,
): Promise<Prediction | null> {
  const { generationId, request, attempt } = wanted;
  if (attempt.prediction) return known(provider, attempt.prediction.id, signal);
  const since = new Date(Date.parse(attempt.startedAt) - CLOCK_MARGIN_MS).toISOString();
  const asked = { model: request.model_id, input: request.provider_input };
  for (const wait of looksMs) {
    await pause(wait, signal);
    for await (const prediction of provider.list(since, { signal })) {
      if (isAnswerTo(prediction, asked) && (await claims.claim(prediction.id, generationId, attempt)))
        return prediction;
    }
  }
  return null;
}

async function known(provider: ImageProvider, predictionId: string, signal: AbortSignal): Promise<Prediction | null> {
  try {
    return await provider.get(predictionId, { signal });
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'not_found') return null;
    throw error;
  }
}
