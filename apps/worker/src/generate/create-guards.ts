import { attemptTimeMs, giveUpAt, type Generation } from '@darkroom/domain';
import type { RecordedEvent, WorkQueue } from '@darkroom/events';
import type { CreditGate } from './credit-gate.js';
import type { ModelBreakers } from './model-breakers.js';

/** Leave to send a create, from the budget that all workers share: a `Delivery`. */
export interface CreatePermit {
  usePermit(): Promise<void>;
  returnPermit(): void;
}

/** Why a create may have to wait, and where work goes that does. */
export class CreateGuards {
  constructor(
    readonly breakers: ModelBreakers,
    readonly credit: CreditGate,
    private readonly queue: WorkQueue,
  ) {}

  /**
   * Back into the queue as a schedule: neither a delivery nor an attempt is used up, and nobody's slot. In any case in
   * time to say that its time is over. @throws EventStoreError `unavailable`
   */
  async putOff(work: RecordedEvent, state: Generation, waitMs: number, generationTimeoutMs: number): Promise<void> {
    const now = Date.now();
    const at = new Date(now + waitMs).toISOString();
    const ends = [giveUpAt(state, new Date(now).toISOString(), generationTimeoutMs), state.request.deadline ?? at];
    await this.queue.putAgain(work, 'generate', state.request.lane, [at, ...ends].toSorted()[0] ?? at);
  }
}

/** Whether nothing can be begun any more: by the client's deadline, or because the time for all attempts is used up. */
export function isOver(state: Generation, now: Date, generationTimeoutMs: number): boolean {
  const at = now.toISOString();
  const { deadline } = state.request;
  return (deadline !== null && deadline <= at) || attemptTimeMs(state, at, generationTimeoutMs) === null;
}
