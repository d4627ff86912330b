import type { Position } from '@darkroom/events';
import type { EntityManager } from '@mikro-orm/postgresql';
import { setTimeout as pause } from 'node:timers/promises';
import { orUnavailable } from '../database/unavailable.js';
import { loadCheckpoint } from './checkpoint.js';

interface Waiter {
  readonly position: Position;
  readonly settle: (reached: boolean) => void;
  readonly fail: (error: Error) => void;
}

/** Often enough that a reader of its own write does not notice the wait. */
const POLL_MS = 25;

/** Waits for the projection to reach a position. However many wait, one query at a time looks for all of them. */
export class PositionWaiter {
  private readonly waiters = new Set<Waiter>();
  private polling = false;

  constructor(
    private readonly em: EntityManager,
    private readonly schema: string,
  ) {}

  /** How far the read models have come: 0 before the first event. @throws ReadModelUnavailable */
  async position(): Promise<Position> {
    const em = this.em.fork({ schema: this.schema });
    return (await orUnavailable(() => loadCheckpoint(em)))?.position ?? 0;
  }

  /**
   * True once the read models reflect `position`; false when they do not within `timeoutMs`, or `signal` aborts.
   * @throws ReadModelUnavailable
   */
  async waitFor(position: Position, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const end = signal ? AbortSignal.any([signal, timeout]) : timeout;
    if (end.aborted) return false;
    return new Promise<boolean>((resolve, reject) => {
      const leave = () => {
        end.removeEventListener('abort', giveUp);
        this.waiters.delete(waiter);
      };
      const waiter: Waiter = {
        position,
        settle: (reached) => {
          leave();
          resolve(reached);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const giveUp = () => waiter.settle(false);
      end.addEventListener('abort', giveUp, { once: true });
      this.waiters.add(waiter);
      if (!this.polling) void this.poll();
    });
  }

  /** Runs while anybody waits. Its failures are the waiters'. */
  private async poll(): Promise<void> {
    this.polling = true;
    while (this.waiters.size > 0) {
      // Whoever joins during the query is answered by the next one: this one may have read before their write.
      const asking = [...this.waiters];
      try {
        const reached = await this.position();
        for (const waiter of asking) if (waiter.position <= reached) waiter.settle(true);
      } catch (error) {
        for (const waiter of asking) waiter.fail(error as Error);
      }
      await pause(POLL_MS);
    }
    this.polling = false;
  }
}
