import type { Attempt, EventData } from '@darkroom/domain';
import type { PredictionClaims } from '@darkroom/events';
import { isAnswerTo, ProviderError, type ImageProvider, type Prediction } from '@darkroom/provider';
import { pause } from '../pause.js';
import { SharedList } from './shared-list.js';

/** A prediction can take a moment to appear in the provider's list. Pauses before each further look, milliseconds. */
const LOOKS_MS = [0, 500, 1_500, 3_000];
/** One look, for a prediction that would have been in the list for long. */
export const LAST_LOOK_MS = [0];

/** The provider's clock and ours may differ by this. Milliseconds. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * Longest from an attempt's beginning to its prediction: a worker that was suspended for longer asks for nothing (30 s), a
 * create takes 60 s at most, and clocks differ. What was created later is somebody else's. Milliseconds.
 */
const LATEST_CREATE_MS = 30_000 + 60_000 + CLOCK_MARGIN_MS;

export interface Wanted {
  readonly generationId: string;
  readonly request: EventData['GenerationRequested'];
  readonly attempt: Attempt;
}

export interface Search {
  /** Pauses before each look. Milliseconds. */
  readonly looksMs?: readonly number[];
  /** What is younger may belong to somebody whose answer is still on its way. Milliseconds. */
  readonly youngestMs?: number;
}

/** Finds what became of attempts that were given up, or whose answer was lost. */
export class PredictionFinder {
  readonly #list: SharedList;

  constructor(
    private readonly provider: Pick<ImageProvider, 'get' | 'list'>,
    private readonly claims: PredictionClaims,
  ) {
    this.#list = new SharedList(provider);
  }

  /**
   * The prediction of an attempt. A known one is asked for. One whose answer was lost is looked for: the oldest of the same
   * model and input, created since, that belongs to nobody else. Two generations that ask for the same may swap
   * predictions; each gets what it asked for, and neither is paid for twice.
   * @throws ProviderError when the provider cannot be asked; HandBack
   */
  async find(
    { generationId, request, attempt }: Wanted,
    signal: AbortSignal,
    { looksMs = LOOKS_MS, youngestMs = 0 }: Search = {},
  ): Promise<Prediction | null> {
    if (attempt.prediction) return this.#known(attempt.prediction.id, signal);
    const began = Date.parse(attempt.startedAt);
    const asked = { model: request.model_id, input: request.provider_input, sent: attempt.sentImages };
    for (const wait of looksMs) {
      await pause(wait, signal);
      const until = Math.min(began + LATEST_CREATE_MS, youngestMs === 0 ? Infinity : Date.now() - youngestMs);
      const isCandidate = (prediction: Prediction) =>
        Date.parse(prediction.createdAt) <= until && isAnswerTo(prediction, asked);
      for (const candidate of await this.#list.find(began - CLOCK_MARGIN_MS, isCandidate, signal)) {
        if (await this.claims.claim(candidate.id, generationId, attempt)) return candidate;
      }
    }
    return null;
  }

  async #known(predictionId: string, signal: AbortSignal): Promise<Prediction | null> {
    try {
      return await this.provider.get(predictionId, { signal });
    } catch (error) {
      if (error instanceof ProviderError && error.kind === 'not_found') return null;
      throw error;
    }
  }
}
