import { Logger } from '@nestjs/common';
import {
  snapshotOf,
  workFor,
  type EventStore,
  type GenerationNotes,
  type WorkFinder,
  type WorkQueue,
} from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';
import type { Net } from './net.js';

/** Cancelled generations of which the provider was to be told, by work that is not there: its prediction would run on. */
export class LostCancels implements Net {
  readonly name = 'cancels';
  readonly #logger = new Logger('Sweep');

  constructor(
    private readonly store: EventStore,
    private readonly queue: WorkQueue,
    private readonly work: WorkFinder,
    private readonly cancelling: GenerationNotes,
    private readonly metrics: Metrics,
    private readonly idleMs: number,
  ) {}

  async sweep(signal: AbortSignal): Promise<void> {
    const ids = await this.cancelling.ids();
    if (ids.length === 0) return;
    const withWork = await this.work.all();
    for (const id of ids) {
      signal.throwIfAborted();
      if (!withWork.has(id)) await this.#mend(id, Date.now());
    }
  }

  async #mend(id: string, now: number): Promise<void> {
    const { events } = await this.store.load(id);
    const { state } = snapshotOf(events);
    const cancelled = events.findLast(({ type }) => type === 'Cancelled');
    const work = state?.status === 'cancelled' && cancelled ? workFor(cancelled, state) : null;
    const deadline = (state?.current ?? state?.unresolved)?.deadline;
    // The provider has ended it by itself then.
    if (!work || !cancelled || !deadline || Date.parse(deadline) <= now) return this.cancelling.remove(id);
    if (Date.parse(cancelled.time) > now - this.idleMs) return;
    if (!(await this.queue.putAgain(cancelled, work.stage, work.lane, null))) return;
    this.metrics.swept.inc({ stage: work.stage });
    this.#logger.warn(`Generation ${id} was cancelled, and the provider not told: sent on`);
  }
}
