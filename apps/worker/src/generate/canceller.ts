import { fold } from '@darkroom/domain';
import type { EventStore, PredictionClaims, RecordedEvent } from '@darkroom/events';
import { ProviderError, type ImageProvider } from '@darkroom/provider';
import { findPrediction } from './find-prediction.js';

/** Makes sure that the prediction of a cancelled generation is cancelled, even when its worker is gone. */
export class Canceller {
  constructor(
    private readonly store: EventStore,
    private readonly provider: ImageProvider,
    private readonly claims: PredictionClaims,
  ) {}

  /**
   * @param predictionId of a prediction that turned up after the cancellation; null: the generation's own
   * @throws HandBack when `signal` aborts; any other error: deliver the work again
   */
  async cancel({ generationId }: RecordedEvent, predictionId: string | null, signal: AbortSignal): Promise<void> {
    const state = fold((await this.store.load(generationId)).events);
    if (predictionId !== null) {
      if (state?.status === 'cancelled') await cancelIfThere(this.provider, predictionId, signal);
      return;
    }
    const attempt = state?.current ?? state?.unresolved;
    if (state?.status !== 'cancelled' || attempt?.stage !== 'generate') return;
    // Without a prediction in the log the create may have been sent all the same. A worker that is alive cancels what it
    // gets; for one that is not, the prediction is looked for.
    const wanted = { generationId, request: state.request, attempt };
    const prediction = await findPrediction(this.provider, this.claims, wanted, signal);
    if (prediction) await this.provider.cancel(prediction.id, { signal });
  }
}

async function cancelIfThere(provider: ImageProvider, predictionId: string, signal: AbortSignal): Promise<void> {
  try {
    await provider.cancel(predictionId, { signal });
  } catch (error) {
    if (!(error instanceof ProviderError && error.kind === 'not_found')) throw error;
  }
}
