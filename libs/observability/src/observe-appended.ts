import { isTerminal, type Generation, type Stage } from '@darkroom/domain';
import type { CommandRunnerOptions } from '@darkroom/events';
import type { AttemptOutcome, Metrics } from './metrics.js';

/**
 * Counts what an appended event says about its generation. Fits `CommandRunnerOptions.onAppended`: only the process
 * that appended an event counts it, so that the sum over all processes counts it once.
 */
export function observeAppended(metrics: Metrics): NonNullable<CommandRunnerOptions['onAppended']> {
  return (event, before, after) => {
    const model = after.request.model_id;
    const attemptEnded = (stage: Stage, outcome: AttemptOutcome) => metrics.attempts.inc({ stage, outcome, model });

    switch (event.type) {
      case 'AttemptStarted':
        if (before?.startedAt === null) {
          metrics.queueWait.observe({ lane: after.request.lane }, secondsBetween(dueAt(after), event.time));
        }
        break;
      case 'Generated':
        attemptEnded('generate', 'succeeded');
        observeStage('generate');
        metrics.cost.inc({ model }, event.data.actual_cost_usd ?? after.request.estimated_cost_usd ?? 0);
        break;
      case 'Downloaded':
        attemptEnded('download', 'succeeded');
        observeStage('download');
        metrics.generationDuration.observe({ model }, secondsBetween(dueAt(after), event.time));
        break;
      case 'AttemptFailed':
        attemptEnded(event.data.stage, event.data.counted ? 'retried' : 'deferred');
        metrics.failures.inc({ stage: event.data.stage, code: event.data.error.code });
        break;
      case 'Failed':
        if (before?.current) attemptEnded(event.data.stage, 'failed');
        metrics.failures.inc({ stage: event.data.stage, code: event.data.error.code });
        break;
      case 'Cancelled':
        if (before?.current) attemptEnded(before.current.stage, 'cancelled');
        break;
      case 'GenerationRequested':
      case 'PredictionCreated':
      case 'RetryRequested':
        break;
    }
    if (isTerminal(after.status)) {
      metrics.generations.inc({ status: after.status, model });
    }

    function observeStage(stage: Stage): void {
      if (before?.current) {
        metrics.stageDuration.observe({ stage, model }, secondsBetween(before.current.startedAt, event.time));
      }
    }
  };
}

/** When the work could have begun: the wait for a schedule is the caller's wish. */
function dueAt({ createdAt, request }: Generation): string {
  return request.scheduled_at !== null && request.scheduled_at > createdAt ? request.scheduled_at : createdAt;
}

/** Never below 0: the clocks of two machines may differ. */
function secondsBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1_000;
}
