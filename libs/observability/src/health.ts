import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';

export interface DependencyCheck {
  /** Name in the answer, e.g. `postgres`. */
  readonly name: string;
  /** Resolves when the dependency answers; what it throws is shown as the reason. */
  readonly check: (signal: AbortSignal) => Promise<unknown>;
  /** True when the app cannot do its main work without it: `down`. Otherwise the app is `degraded` and still ready. */
  readonly required: boolean;
  /** Milliseconds until a silent dependency counts as lost. Default 2,000. */
  readonly timeoutMs?: number;
}

/** A terminus indicator that asks one dependency, with a limit of time. */
export function dependencyIndicator(
  indicators: HealthIndicatorService,
  { name, check, required, timeoutMs = 2_000 }: DependencyCheck,
): () => Promise<HealthIndicatorResult> {
  return async () => {
    const session = indicators.check(name);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      await Promise.race([check(signal), rejectionOf(signal, `No answer within ${timeoutMs} ms`)]);
      return session.up();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return required ? session.down({ message }) : session.degraded({ message });
    }
  };
}

function rejectionOf(signal: AbortSignal, message: string): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error(message)), { once: true }));
}
