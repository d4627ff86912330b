import { Logger } from '@nestjs/common';
import { MODELS } from '@darkroom/domain';
import type { Metrics } from '@darkroom/observability';
import { ModelBreakers, type BreakerState } from './model-breakers.js';

const GAUGE: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

const SAID: Readonly<Record<BreakerState, string>> = {
  closed: 'works again',
  half_open: 'is tried with one generation',
  open: 'fails: nothing is asked of it for a while',
};

/** Breakers whose state can be seen: as a metric, and as a line in the log at each change. */
export function observedBreakers(pauseMs: number, { circuitBreakerState }: Metrics): ModelBreakers {
  const logger = new Logger('CircuitBreaker');
  for (const { id: model } of MODELS) circuitBreakerState.set({ model }, GAUGE.closed);
  return new ModelBreakers({
    pauseMs,
    onChange: (model, state) => {
      circuitBreakerState.set({ model }, GAUGE[state]);
      logger.warn(`${model} ${SAID[state]}`);
    },
  });
}
