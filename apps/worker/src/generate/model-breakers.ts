import type { FailureCode } from '@darkroom/domain';
import { circuitBreaker, CircuitState, handleWhenResult, SamplingBreaker, type CircuitBreakerPolicy } from 'cockatiel';

/** Opens when more than half of the attempts of about a minute failed for the model's own reasons, if they were ten or more. */
const SAMPLING = { threshold: 0.5, duration: 60_000, minimumRps: 10 / 60 };

/** Failures that say something of the model or the way to it, and nothing of what was asked for, or of us. */
const MODELS_FAULT: ReadonlySet<FailureCode> = new Set([
  'provider_unavailable',
  'outcome_unknown',
  'prediction_failed',
  'prediction_aborted',
  'prediction_timeout',
  'empty_output',
]);

/** How an attempt ended: the code of its failure, an image, or nothing that says anything of the model. */
export type AttemptEnd = FailureCode | 'generated' | null;

export type BreakerState = 'closed' | 'half_open' | 'open';

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

export interface ModelBreakersOptions {
  /** How long nothing is begun after a model was found broken, and again after a probe that failed. Milliseconds. */
  readonly pauseMs: number;
  readonly onChange: (model: string, state: BreakerState) => void;
}

/** An attempt that says nothing of its model. Thrown, because the breaker counts every result. */
class Inconclusive extends Error {
  constructor(readonly end: AttemptEnd) {
    super('The attempt says nothing of its model');
  }
}

interface Breaker {
  readonly policy: CircuitBreakerPolicy;
  openedAt: number;
}

/** A circuit breaker per model, over whole attempts: from the create to the ended prediction (docs/adr/0017). */
export class ModelBreakers {
  readonly #breakers = new Map<string, Breaker>();

  constructor(private readonly options: ModelBreakersOptions) {}

  /**
   * Milliseconds until an attempt may begin; 0: now. Drawn at random within a quarter of the pause, so that what was put
   * off together does not come back together.
   */
  waitMs(model: string, now: number, random: number): number {
    const breaker = this.#breakers.get(model);
    const { pauseMs } = this.options;
    switch (breaker?.policy.state) {
      case CircuitState.Open: {
        const left = breaker.openedAt + pauseMs - now;
        return left <= 0 ? 0 : left + (pauseMs / 4) * random;
      }
      // The probe is under way: what it says is waited for.
      case CircuitState.HalfOpen:
        return (pauseMs / 4) * (1 + random);
      default:
        return 0;
    }
  }

  /** An attempt that begins, right after {@link waitMs} was 0. It may be the probe. */
  async begin(model: string, attempt: () => Promise<AttemptEnd>): Promise<void> {
    try {
      await this.#of(model).policy.execute(async () => {
        const end = await attempt();
        if (end !== 'generated' && (end === null || !MODELS_FAULT.has(end))) throw new Inconclusive(end);
        return end;
      });
    } catch (error) {
      if (!(error instanceof Inconclusive)) throw error;
    }
  }

  /** An attempt that goes on, whatever the breaker says: its prediction is paid for. It counts as long as that is closed. */
  async resume(model: string, attempt: () => Promise<AttemptEnd>): Promise<void> {
    if (this.#of(model).policy.state === CircuitState.Closed) await this.begin(model, attempt);
    else await attempt();
  }

  #of(model: string): Breaker {
    const known = this.#breakers.get(model);
    if (known) return known;
    // A probe that was cut short, or that says nothing, is no reason to let everybody through.
    const handled = handleWhenResult((end) => end !== 'generated').orWhen(
      () => breaker.policy.state === CircuitState.HalfOpen,
    );
    const policy = circuitBreaker(handled, {
      breaker: new SamplingBreaker(SAMPLING),
      halfOpenAfter: this.options.pauseMs,
    });
    const breaker: Breaker = { policy, openedAt: 0 };
    policy.onStateChange((state) => {
      if (state === CircuitState.Open) breaker.openedAt = Date.now();
      this.options.onChange(model, STATES[state]);
    });
    this.#breakers.set(model, breaker);
    return breaker;
  }
}
