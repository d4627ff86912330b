import type { StageHolds } from '@darkroom/events';
import { EventEmitter, once } from 'node:events';

/** What a create that was let through has to say afterwards. */
export interface Passage {
  /** The provider took the create: there is credit. */
  paid(): void;
  /** The provider wants credit first (402). Holds the stage for all workers. @throws EventStoreError `unavailable` */
  refused(): Promise<void>;
  /** It is over, and said nothing of the credit unless one of the above was called. */
  leave(): void;
}

/**
 * Lets creates through one at a time while the last known answer was that the account is out of credit. The stage is
 * held at the broker then; this is about what is in the worker's hands already, and about the first create afterwards.
 */
export class CreditGate {
  #out = false;
  #probing = false;
  /** Until when the hold lasts that we made. Milliseconds since 1970. */
  #heldUntil = 0;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(
    private readonly holds: Pick<StageHolds, 'hold' | 'list'>,
    /** How long nothing is asked for after a refusal. Milliseconds. */
    private readonly pauseMs: number,
  ) {}

  /**
   * Waits for whoever asks first. Null: there is no credit; put the work off ({@link waitMs}).
   * @throws AbortError when `signal` aborts; EventStoreError `unavailable`
   */
  async enter(signal: AbortSignal): Promise<Passage | null> {
    while (this.#out) {
      const until = this.#heldUntil;
      if (Date.now() < until) {
        // An operator may have ended the hold: there is credit again.
        if (await this.#isHeld()) return null;
        if (this.#heldUntil === until) this.#heldUntil = 0;
      } else if (!this.#probing) {
        this.#probing = true;
        return this.#passage(true);
      } else {
        await once(this.#changes, 'change', { signal });
      }
    }
    return this.#passage(false);
  }

  /** How long work is to be put off that was not let through. Milliseconds. */
  waitMs(now: number, random: number): number {
    return Math.max(this.#heldUntil - now, 0) + (this.pauseMs / 10) * random;
  }

  #passage(isProbe: boolean): Passage {
    let inside = true;
    const leave = (): void => {
      if (!inside) return;
      inside = false;
      if (!isProbe) return;
      this.#probing = false;
      this.#changes.emit('change');
    };
    return {
      leave,
      paid: () => {
        // One that was sent before the refusal says nothing of the time after it.
        if (isProbe) this.#out = false;
        leave();
      },
      refused: async () => {
        const until = Date.now() + this.pauseMs;
        const isNews = !this.#out || isProbe;
        this.#out = true;
        this.#heldUntil = Math.max(this.#heldUntil, until);
        leave();
        if (isNews) await this.holds.hold('generate', 'out_of_credit', new Date(until));
      },
    };
  }

  async #isHeld(): Promise<boolean> {
    return (await this.holds.list()).some(({ stage }) => stage === 'generate');
  }
}
