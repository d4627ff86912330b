import { fold, type Attempt, type Generation } from '@darkroom/domain';
import type { EventStore, GenerationNotes, RecordedEvent, WorkQueue } from '@darkroom/events';
import { ProviderError, type ImageProvider } from '@darkroom/provider';
import { LAST_LOOK_MS, type PredictionFinder } from './prediction-finder.js';

/** Between two looks for a prediction of unknown outcome; longer and longer, as it gets less likely. Milliseconds. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/** One that looks the same may be somebody else's, who is about to claim it: it must not be cancelled. Milliseconds. */
const YOUNGEST_MS = 5_000;

/** Makes sure that the prediction of a cancelled generation is cancelled, even when its worker is gone. */
export class Canceller {
  constructor(
    private readonly store: EventStore,
    private readonly provider: Pick<ImageProvider, 'cancel'>,
    private readonly finder: PredictionFinder,
    private readonly queue: WorkQueue,
    private readonly cancelling: GenerationNotes,
  ) {}

  /**
   * @param predictionId of a prediction that turned up after the cancellation; null: the generation's own
   * @throws HandBack when `signal` aborts; any other error: deliver the work again
   */
  async cancel(work: RecordedEvent, predictionId: string | null, signal: AbortSignal): Promise<void> {
    const { generationId } = work;
    const state = fold((await this.store.load(generationId)).events);
    if (predictionId !== null) {
      if (state?.status === 'cancelled') await this.#cancel(predictionId, signal);
      return;
    }
    if (state?.status !== 'cancelled') return this.cancelling.remove(generationId);
    const again = await this.#tell(work, state, signal);
    if (again === null) return this.cancelling.remove(generationId);
    // By a schedule: whoever waits for something that may never come holds no worker, and outlives a restart.
    await this.queue.put(work, 'cancel', state.request.lane, again);
  }

  /** Answers when to do so again; null when the provider knows, or nothing of it can be running there. ISO 8601 UTC. */
  async #tell(work: RecordedEvent, state: Generation, signal: AbortSignal): Promise<string | null> {
    const { generationId } = work;
    const attempt = state.current ?? state.unresolved;
    if (attempt?.stage !== 'generate') return null;
    // Without a prediction in the log the create may have been sent all the same. A worker that is alive cancels what it
    // gets; for one that is not, the prediction is looked for.
    const wanted = { generationId, request: state.request, attempt };
    const prediction = await this.finder.find(wanted, signal, {
      looksMs: LAST_LOOK_MS,
      youngestMs: YOUNGEST_MS,
    });
    if (!prediction) return nextLook(attempt, work.time, Date.now());
    await this.#cancel(prediction.id, signal);
    return null;
  }

  async #cancel(predictionId: string, signal: AbortSignal): Promise<void> {
    try {
      await this.provider.cancel(predictionId, { signal });
    } catch (error) {
      // What the provider does not know any more does not run.
      if (!(error instanceof ProviderError && error.kind === 'not_found')) throw error;
    }
  }
}

/** When to look again, ISO 8601 UTC; null when a prediction of this attempt is known, or cannot be running any more. */
function nextLook({ prediction, deadline }: Attempt, cancelledAt: string, now: number): string | null {
  if (prediction !== null || deadline === null || now >= Date.parse(deadline)) return null;
  const passed = now - Date.parse(cancelledAt);
  const pause = Math.min(Math.max(passed / 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
  return new Date(Math.min(now + pause, Date.parse(deadline))).toISOString();
}
