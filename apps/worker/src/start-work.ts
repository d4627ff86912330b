import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { JetStreamTransport, type Pattern, type TransportObserver } from '@darkroom/events';
import { stageOf, type Metrics } from '@darkroom/observability';
import { openReadModels } from '@darkroom/read-models';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { WorkerConfig } from './config.js';
import type { Connections } from './connections.js';
import { ProjectionService } from './project/projection.service.js';
import { observeQueues } from './queue-metrics.js';
import { observeHolds } from './stage-metrics.js';
import { SweepService } from './sweep/sweep.service.js';
import { WorkerModule } from './worker.module.js';

/** Facts dispatched at once: each is one publish, so this is about the broker's latency and not ours. */
const DISPATCH_CONCURRENCY = 64;

/** Schedules that fired and are let in at once: a publish each, and some looks for users with a limit. */
const ADMIT_CONCURRENCY = 64;

/** Of a sweep's questions to Postgres: nobody waits for them. Milliseconds. */
const SWEEP_TIMEOUT_MS = 30_000;

/** The roles at work. */
export interface Work {
  /** Hands work back, waits for what is quick to end, and closes the connection to NATS. */
  stop(): Promise<void>;
}

/**
 * Begins to take work.
 * @param onFailure told when the worker cannot go on and has to be ended
 */
export async function startWork(
  config: WorkerConfig,
  connections: Connections,
  metrics: Metrics,
  onFailure: (error: Error) => void,
): Promise<Work> {
  const { broker } = connections;
  const strategy = new JetStreamTransport({
    broker,
    ackWaitMs: config.nats.ackWaitMs,
    concurrency: {
      facts: DISPATCH_CONCURRENCY,
      'work.admit': ADMIT_CONCURRENCY,
      'work.generate': config.concurrency.generate,
      'work.download': config.concurrency.download,
    },
    permits: { 'work.generate': connections.creates },
    observer: observer(metrics),
  });
  const name = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const readModels = config.roles.includes('sweep')
    ? await openReadModels({ url: config.databaseUrl, poolSize: 1, timeoutMs: SWEEP_TIMEOUT_MS })
    : null;
  const module = WorkerModule.register(config, connections, metrics, name, readModels);
  const app = await NestFactory.createMicroservice(module, { strategy });
  const projection = config.roles.includes('project') ? app.get(ProjectionService) : null;
  const sweep = config.roles.includes('sweep') ? app.get(SweepService) : null;

  let stopping = false;
  // Reconnecting is the client's business; what it gives up on (a credential that is refused) is the operator's.
  void broker.connection.closed().then((error) => {
    if (!stopping) onFailure(new Error(`NATS closed the connection: ${error ? error.message : 'no reason given'}`));
  });
  await app.listen();
  projection?.start(onFailure);
  sweep?.start();

  metrics.beforeScrape(() => observeQueues(broker, metrics));
  metrics.beforeScrape(() => observeHolds(broker, metrics));
  metrics.beforeScrape(async () => observeInFlight(strategy, metrics));
  if (projection) metrics.beforeScrape(() => projection.observeLag());
  return {
    async stop() {
      stopping = true;
      await Promise.all([app.close(), projection?.stop(), sweep?.stop()]);
      await readModels?.close();
      await broker.close();
    },
  };
}

/** Of the stages that this worker serves. */
function observeInFlight(strategy: JetStreamTransport, { jobsInFlight }: Metrics): void {
  for (const pattern of strategy.getHandlers().keys()) {
    if (pattern.startsWith('work.'))
      jobsInFlight.set({ stage: stageOf(pattern) }, strategy.inFlight(pattern as Pattern));
  }
}

function observer(metrics: Metrics): TransportObserver {
  const logger = new Logger('Transport');
  return {
    delivered(pattern, deliveryCount) {
      if (deliveryCount > 1) metrics.redeliveries.inc({ stage: stageOf(pattern) });
    },
    failed(pattern, error, final) {
      logger.error({ err: error, pattern }, final ? 'A message was dropped' : 'A message will be delivered again');
    },
    disturbed(pattern, error) {
      logger.warn({ pattern }, `Cannot pull: ${error.message}`);
    },
  };
}
