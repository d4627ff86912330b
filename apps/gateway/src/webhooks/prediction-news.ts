import { fold, isGenerationId, isTerminal, type Attempt, type Generation } from '@darkroom/domain';
import type { CommandRunner, RecordedEvent } from '@darkroom/events';
import { isAnswerTo, isTerminal as hasEnded, type Prediction } from '@darkroom/provider';
import { v7 as uuidv7 } from 'uuid';
import { PROVIDER, type LogConnection } from '../connections/log.js';

/** Which attempt asked for a prediction, by the address of its webhook. That is not signed: it is only a hint. */
export interface Origin {
  readonly generationId: string;
  readonly fence: number;
}

/**
 * What the provider tells of its predictions by itself. Old news and repetitions are harmless: a prediction is never
 * ended by them, only looked at or adopted.
 */
export class PredictionNews {
  constructor(
    private readonly log: Pick<LogConnection, 'store' | 'predictions' | 'signals' | 'work'>,
    private readonly runner: CommandRunner,
  ) {}

  /** @throws EventStoreError when NATS is away: tell it again */
  async tell(prediction: Prediction, origin: Origin | null): Promise<void> {
    if (origin && isGenerationId(origin.generationId)) await this.#giveTo(origin, prediction);
    if (hasEnded(prediction.status)) this.log.signals().predictionEnded(prediction.id);
  }

  async #giveTo({ generationId, fence }: Origin, prediction: Prediction): Promise<void> {
    const { events } = await this.log.store.load(generationId);
    const state = fold(events);
    const attempt = state && attemptOf(state, fence);
    // The usual case: the worker that asked has recorded the answer.
    if (!attempt || (attempt.prediction && attempt === state.current)) return;
    if (attempt.prediction && attempt.prediction.id !== prediction.id) return;
    const { model_id: model, provider_input: input } = state.request;
    if (!isAnswerTo(prediction, { model, input, sent: attempt.sentImages })) return;
    if (state.status === 'cancelled') return this.#cancel(generationId, state, attempt, events, prediction);
    if (isTerminal(state.status)) return;
    if (await this.log.predictions().claim(prediction.id, generationId, attempt)) {
      await this.#adopt(generationId, fence, prediction);
    }
  }

  /** The answer of a create was lost, or its worker died with it. A worker that still waits for it records the same. */
  async #adopt(generationId: string, fence: number, prediction: Prediction): Promise<void> {
    await this.runner.execute(generationId, {
      type: 'RecordPrediction',
      commandId: uuidv7(),
      at: new Date().toISOString(),
      fence,
      provider: PROVIDER,
      predictionId: prediction.id,
      deadline: prediction.deadline,
      adopted: true,
    });
  }

  /** Cancelled before anybody knew of the prediction: it must not run on. The work for it names it. */
  async #cancel(
    generationId: string,
    state: Generation,
    attempt: Attempt,
    events: readonly RecordedEvent[],
    prediction: Prediction,
  ): Promise<void> {
    const cancellation = events.findLast(({ type }) => type === 'Cancelled');
    if (!cancellation || hasEnded(prediction.status)) return;
    if (await this.log.predictions().claim(prediction.id, generationId, attempt)) {
      await this.log.work().cancelPrediction(cancellation, state.request.lane, prediction.id);
    }
  }
}

function attemptOf({ current, unresolved }: Generation, fence: number): Attempt | null {
  const attempt = current ?? unresolved;
  return attempt?.stage === 'generate' && attempt.fence === fence ? attempt : null;
}
