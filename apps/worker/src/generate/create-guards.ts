import { attemptTimeMs, giveUpAt, isTerminal, type Generation } from '@darkroom/domain';
import { snapshotOf, type EventStore, type RecordedEvent, type WorkQueue } from '@darkroom/events';
import { ProviderError } from '@darkroom/provider';
import type { CreditGate } from './credit-gate.js';
import type { AttemptEnd, ModelBreakers } from './model-breakers.js';
import { afterPauseMs } from './prediction-outcome.js';

/** Leave to send a create, from the budget that all workers share: a `Delivery`. */
export interface CreatePermit {
  usePermit(): Promise<void>;
  returnPermit(): void;
}

/** Between two tries to ask a provider that is away; the longer, the longer that lasts. Milliseconds. */
const FIRST_AWAY_MS = 2_000;
const LONGEST_AWAY_MS = 30_000;

/** Why an attempt may have to wait, and where work goes that does. */
export class CreateGuards {
  constructor(
    readonly breakers: ModelBreakers,
    readonly credit: CreditGate,
    private readonly queue: WorkQueue,
    private readonly store: EventStore,
    /** For all attempts of a generation together. Milliseconds. */
    private readonly generationTimeoutMs: number,
  ) {}

  /** Whether nothing can be begun any more: by the client's deadline, or because the time for all attempts is used up. */
  isOver(state: Generation): boolean {
    const now = new Date().toISOString();
    const { deadline } = state.request;
    return (deadline !== null && deadline <= now) || attemptTimeMs(state, now, this.generationTimeoutMs) === null;
  }

  /**
   * Back into the queue as a schedule: neither a delivery nor an attempt is used up, and nobody's slot. In any case in
   * time to say that its time is over. @throws EventStoreError `unavailable`
   */
  async putOff(work: RecordedEvent, state: Generation, waitMs: number): Promise<void> {
    const now = Date.now();
    const at = new Date(now + waitMs).toISOString();
    const ends = [giveUpAt(state, new Date(now).toISOString(), this.generationTimeoutMs), state.request.deadline ?? at];
    await this.queue.putAgain(work, 'generate', state.request.lane, [at, ...ends].toSorted()[0] ?? at);
  }

  /**
   * Puts off what cannot be gone on with because the provider does not say what became of it, for as long as there is
   * time. The breaker is to hear of it: who does not answer questions is no better at making images.
   * @throws what `attempt` throws, when it is not that or no time is left; EventStoreError `unavailable`
   */
  async unlessAway(work: RecordedEvent, signal: AbortSignal, attempt: () => Promise<AttemptEnd>): Promise<AttemptEnd> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ProviderError) || signal.aborted) throw error;
      const { events } = await this.store.load(work.generationId);
      const { state } = snapshotOf(events);
      if (!state || isTerminal(state.status) || this.isOver(state)) throw error;
      // A request that comes back would be taken for one of which nothing has been begun, and the beginning of an attempt
      // that was given up and adopted since for outdated work. The newest fact is neither.
      const newest = state.current ? events.at(-1) : undefined;
      const passed = state.current ? Date.now() - Date.parse(state.current.startedAt) : 0;
      const pauseMs = Math.min(Math.max(passed / 2, FIRST_AWAY_MS), LONGEST_AWAY_MS);
      await this.putOff(newest ?? work, state, afterPauseMs(pauseMs, Math.random()));
      return error.kind === 'unavailable' ? 'outcome_unknown' : null;
    }
  }
}
