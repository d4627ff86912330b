import { Logger } from '@nestjs/common';
import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { Metrics } from './metrics.js';
import { singleFlight } from './single-flight.js';

/** Until a silent dependency counts as lost. Milliseconds. Shorter than the few seconds that probes wait. */
const TIMEOUT_MS = 2_000;

export interface DependencyCheck {
  /** Name in the answer and in the metric, e.g. `postgres`. */
  readonly name: string;
  /** Resolves when the dependency answers. The signal aborts when nobody waits for it any more. */
  readonly check: (signal: AbortSignal) => Promise<unknown>;
  /** True when the app cannot do its main work without it: `down`. Otherwise the app is `degraded` and still ready. */
  readonly required: boolean;
}

/**
 * What an app depends on, for its readiness and for `darkroom_dependency_up`. Every question is answered in time, and at
 * most one is under way to each dependency, whoever asks: a server that hangs does not collect them.
 */
export class HealthChecks {
  readonly #logger = new Logger('Health');
  readonly #lost = new Set<string>();
  readonly #dependencies: readonly { name: string; required: boolean; isUp: () => Promise<boolean> }[];

  /** @param timeoutMs until a silent dependency counts as lost; default 2,000 */
  constructor(
    checks: readonly DependencyCheck[],
    private readonly timeoutMs: number = TIMEOUT_MS,
  ) {
    this.#dependencies = checks.map(({ name, check, required }) => {
      const ask = singleFlight(() => check(AbortSignal.timeout(timeoutMs)));
      return { name, required, isUp: () => this.#isUp(name, ask) };
    });
  }

  /** For terminus. Readiness is public: why something is away (addresses, names of buckets) is for the log. */
  indicators(service: HealthIndicatorService): (() => Promise<HealthIndicatorResult>)[] {
    return this.#dependencies.map(({ name, required, isUp }) => async () => {
      const session = service.check(name);
      if (await isUp()) return session.up();
      const message = 'It cannot be used now';
      return required ? session.down({ message }) : session.degraded({ message });
    });
  }

  /** Brings the gauge up to date. */
  async observe(gauge: Metrics['dependencyUp']): Promise<void> {
    await Promise.all(
      this.#dependencies.map(async ({ name, isUp }) => gauge.set({ dependency: name }, (await isUp()) ? 1 : 0)),
    );
  }

  async #isUp(name: string, ask: () => Promise<unknown>): Promise<boolean> {
    try {
      await within(this.timeoutMs, ask());
      if (this.#lost.delete(name)) this.#logger.log(`${name} can be used again`);
      return true;
    } catch (error) {
      // Probes ask every few seconds: a line for each change is enough.
      if (!this.#lost.has(name)) this.#logger.warn({ err: error as Error }, `${name} cannot be used`);
      this.#lost.add(name);
      return false;
    }
  }
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
