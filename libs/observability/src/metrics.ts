import { FAILURE_CODES, isTerminal, MODELS, QUOTA_WINDOWS, STAGES, STATUSES } from '@darkroom/domain';
import { SUBSCRIPTIONS, WORK_STAGES } from '@darkroom/events';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Scrapes, type Refresh } from './scrape.js';

/**
 * How an attempt ended: `retried` was counted against max_attempts, `deferred` was nobody's fault and was not,
 * `failed` ended the generation with it.
 */
export type AttemptOutcome = 'succeeded' | 'retried' | 'deferred' | 'failed' | 'cancelled';

/** Seconds. From a fast model's answer to the hard limit of a generation. */
const WORK_BUCKETS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800];
/** Seconds. A wait should be short; hours mean that the queue is not served. */
const WAIT_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
/** Seconds. Up to the longest `Prefer: wait`. */
const HTTP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Every metric of Darkroom (docs/metrics.md), in a registry of its own. The values of labels are bounded: stages, lanes,
 * codes, routes and the models of the catalogue; never a user, a prompt or an id.
 */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const scrapes = new Scrapes(registry);
  const metrics = {
    registry,
    /** Adds something to bring up to date before each scrape; see {@link Scrapes}. */
    beforeScrape: (refresh: Refresh): void => scrapes.add(refresh),
    /** All metrics in Prometheus's text format, within seconds, whoever hangs. */
    scrape: (): Promise<string> => scrapes.text(),
    ...instruments([registry]),
  };
  startAtZero(metrics);
  // A gauge without labels begins at 0; this one is not known before somebody has looked.
  metrics.stuckGenerations.remove();
  return metrics;
}

/**
 * `increase()` does not see a counter's first value, and a sum over nothing is nothing: what alerts look at is there
 * before it happens, as far as the labels are few. Attempts and durations by model are not: their products are large,
 * and nobody is woken by them.
 */
function startAtZero(metrics: ReturnType<typeof instruments>): void {
  const { generations, failures, redeliveries, requestsRefused, swept } = metrics;
  for (const stage of WORK_STAGES) swept.inc({ stage }, 0);
  for (const status of STATUSES.filter(isTerminal)) {
    for (const { id: model } of MODELS) generations.inc({ status, model }, 0);
  }
  for (const stage of STAGES) {
    for (const code of FAILURE_CODES) failures.inc({ stage, code }, 0);
  }
  for (const reason of QUOTA_WINDOWS) requestsRefused.inc({ reason }, 0);
  for (const pattern of Object.keys(SUBSCRIPTIONS)) redeliveries.inc({ stage: stageOf(pattern) }, 0);
}

/** The label of a transport's pattern: `work.generate` is the stage `generate`. */
export function stageOf(pattern: string): string {
  return pattern.replace(/^work\./, '');
}

function instruments(registers: [Registry]) {
  return {
    dependencyUp: new Gauge<'dependency'>({
      name: 'darkroom_dependency_up',
      help: 'Whether a server that this process needs answers: 1 or 0',
      labelNames: ['dependency'],
      registers,
    }),
    queueDepth: new Gauge<'stage' | 'lane'>({
      name: 'darkroom_queue_depth',
      help: 'Work items that wait to be served',
      labelNames: ['stage', 'lane'],
      registers,
    }),
    queueOldestAge: new Gauge<'stage' | 'lane'>({
      name: 'darkroom_queue_oldest_age_seconds',
      help: 'How long the oldest waiting work item has waited',
      labelNames: ['stage', 'lane'],
      registers,
    }),
    jobsInFlight: new Gauge<'stage'>({
      name: 'darkroom_jobs_in_flight',
      help: 'Work items that this process has in hand',
      labelNames: ['stage'],
      registers,
    }),
    generations: new Counter<'status' | 'model'>({
      name: 'darkroom_generations_total',
      help: 'Generations that came to an end, by how',
      labelNames: ['status', 'model'],
      registers,
    }),
    attempts: new Counter<'stage' | 'outcome' | 'model'>({
      name: 'darkroom_attempts_total',
      help: 'Attempts that ended, by how',
      labelNames: ['stage', 'outcome', 'model'],
      registers,
    }),
    stageDuration: new Histogram<'stage' | 'model'>({
      name: 'darkroom_stage_duration_seconds',
      help: 'Length of successful attempts',
      labelNames: ['stage', 'model'],
      buckets: WORK_BUCKETS,
      registers,
    }),
    generationDuration: new Histogram<'model'>({
      name: 'darkroom_generation_duration_seconds',
      help: 'From the time a generation was due until it was completed',
      labelNames: ['model'],
      buckets: WORK_BUCKETS,
      registers,
    }),
    queueWait: new Histogram<'lane'>({
      name: 'darkroom_queue_wait_seconds',
      help: 'From the time a generation was due until its first attempt began',
      labelNames: ['lane'],
      buckets: WAIT_BUCKETS,
      registers,
    }),
    failures: new Counter<'stage' | 'code'>({
      name: 'darkroom_failures_total',
      help: 'Failed attempts and failed generations, by why',
      labelNames: ['stage', 'code'],
      registers,
    }),
    stuckGenerations: new Gauge({
      name: 'darkroom_stuck_generations',
      help: 'Generations that make no progress and will not by themselves',
      registers,
    }),
    stagePaused: new Gauge<'stage' | 'reason'>({
      name: 'darkroom_stage_paused',
      help: 'Whether a stage gives out no work, and why: 1 or 0',
      labelNames: ['stage', 'reason'],
      registers,
    }),
    swept: new Counter<'stage'>({
      name: 'darkroom_swept_total',
      help: 'Generations whose work was lost and put again by the sweeper',
      labelNames: ['stage'],
      registers,
    }),
    sweeps: new Counter<'net' | 'outcome'>({
      name: 'darkroom_sweeps_total',
      help: 'Sweeps of this process, by what was swept and whether it came to its end: done or interrupted',
      labelNames: ['net', 'outcome'],
      registers,
    }),
    redeliveries: new Counter<'stage'>({
      name: 'darkroom_redeliveries_total',
      help: 'Work items, and facts to dispatch, that were delivered again',
      labelNames: ['stage'],
      registers,
    }),
    appendConflicts: new Counter({
      name: 'darkroom_append_conflicts_total',
      help: 'Appends that lost a race for their generation and were decided again',
      registers,
    }),
    projectionLagEvents: new Gauge<'projection'>({
      name: 'darkroom_projection_lag_events',
      help: 'Events in the log that the projection does not reflect yet',
      labelNames: ['projection'],
      registers,
    }),
    projectionLagSeconds: new Gauge<'projection'>({
      name: 'darkroom_projection_lag_seconds',
      help: 'Age of the oldest event that the projection does not reflect yet',
      labelNames: ['projection'],
      registers,
    }),
    providerRequests: new Counter<'operation' | 'code'>({
      name: 'darkroom_provider_requests_total',
      help: 'Requests to the image provider, by `ok` or the kind of error',
      labelNames: ['operation', 'code'],
      registers,
    }),
    providerRequestDuration: new Histogram<'operation' | 'code'>({
      name: 'darkroom_provider_request_duration_seconds',
      help: 'Length of requests to the image provider',
      labelNames: ['operation', 'code'],
      buckets: HTTP_BUCKETS,
      registers,
    }),
    circuitBreakerState: new Gauge<'model'>({
      name: 'darkroom_circuit_breaker_state',
      help: 'Circuit breaker of a model in this process: 0 closed, 1 half-open, 2 open',
      labelNames: ['model'],
      registers,
    }),
    modelOffered: new Gauge<'model'>({
      name: 'darkroom_model_offered',
      help: 'Whether a model can be asked for, by the catalogue and the operator, as this gateway knows: 1 or 0',
      labelNames: ['model'],
      registers,
    }),
    cost: new Counter<'model'>({
      name: 'darkroom_cost_usd_total',
      help: 'Cost of finished predictions in US dollars, estimated where the provider tells none',
      labelNames: ['model'],
      registers,
    }),
    requestsRefused: new Counter<'reason'>({
      name: 'darkroom_requests_refused_total',
      help: 'Requests for generations that were refused, by the limit of their user',
      labelNames: ['reason'],
      registers,
    }),
    liveSubscribers: new Gauge({
      name: 'darkroom_live_subscribers',
      help: 'Who listens to live updates: event streams, subscriptions and requests that wait for their end',
      registers,
    }),
    httpRequestDuration: new Histogram<'route' | 'method' | 'code'>({
      name: 'darkroom_http_request_duration_seconds',
      help: 'Length of HTTP requests, by route pattern',
      labelNames: ['route', 'method', 'code'],
      buckets: HTTP_BUCKETS,
      registers,
    }),
  };
}
