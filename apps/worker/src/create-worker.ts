import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  Claims,
  connectBroker,
  JetStreamEventStore,
  JetStreamTransport,
  PREDICTIONS_BUCKET,
  provision,
  WORK_STAGES,
  type Pattern,
  type TransportObserver,
} from '@darkroom/events';
import { createMetrics, Logger as PinoLogger, type Metrics } from '@darkroom/observability';
import { ReplicateProvider } from '@darkroom/provider';
import { openStorage } from '@darkroom/storage';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { WorkerConfig } from './config.js';
import type { Connections } from './connections.js';
import { ProjectionService } from './project/projection.service.js';
import { observeQueues } from './queue-metrics.js';
import { WorkerModule } from './worker.module.js';

/** Facts dispatched at once: each is one publish, so this is about the broker's latency and not ours. */
const DISPATCH_CONCURRENCY = 64;

export interface Worker {
  readonly app: NestFastifyApplication;
  /** Hands work back, waits for what is quick to end, and closes every connection. */
  close(): Promise<void>;
}

/**
 * Starts a worker: waits for NATS, provisions it, then takes work.
 * @param onFailure told when the worker cannot go on and has to be ended
 */
export async function startWorker(config: WorkerConfig, onFailure: (error: Error) => void): Promise<Worker> {
  const metrics = createMetrics();
  const connections = await connectAll(config, metrics);
  const { broker } = connections;
  const name = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const module = WorkerModule.register(config, connections, metrics, name);
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { bufferLogs: true });
  app.useLogger(app.get(PinoLogger));

  const strategy = new JetStreamTransport({
    broker,
    ackWaitMs: config.nats.ackWaitMs,
    concurrency: {
      facts: DISPATCH_CONCURRENCY,
      'work.generate': config.concurrency.generate,
      'work.download': config.concurrency.download,
    },
    observer: observer(metrics),
  });
  app.connectMicroservice({ strategy });

  const projection = config.roles.includes('project') ? app.get(ProjectionService) : null;
  metrics.beforeScrape(async () => {
    for (const stage of WORK_STAGES) metrics.jobsInFlight.set({ stage }, strategy.inFlight(`work.${stage}`));
  });
  metrics.beforeScrape(() => observeQueues(broker, metrics));
  if (projection) metrics.beforeScrape(() => projection.observeLag());

  let closing = false;
  // Reconnecting is the client's business; what it gives up on (a credential that is refused) is the operator's.
  void broker.connection.closed().then((error) => {
    if (!closing) onFailure(new Error(`NATS closed the connection: ${error ? error.message : 'no reason given'}`));
  });
  // First the port: who cannot have it must not have taken work.
  await app.listen(config.port, config.host);
  await app.startAllMicroservices();
  projection?.start(onFailure);
  return {
    app,
    async close() {
      closing = true;
      await Promise.all([app.close(), projection?.stop()]);
      await broker.close();
    },
  };
}

async function connectAll(config: WorkerConfig, metrics: Metrics): Promise<Connections> {
  const logger = new Logger('Nats');
  const { servers, credentials, replicas, ackWaitMs } = config.nats;
  const broker = await connectBroker({
    servers,
    credentials,
    name: 'darkroom-worker',
    onStatus: (line) => logger.warn(line),
  });
  await provision(broker, { replicas, ackWaitMs });
  const provider = new ReplicateProvider({
    ...config.replicate,
    onCall: ({ operation, code, seconds }) => {
      metrics.providerRequests.inc({ operation, code });
      metrics.providerRequestDuration.observe({ operation, code }, seconds);
    },
  });
  return {
    broker,
    store: new JetStreamEventStore(broker),
    claims: await Claims.open(broker, PREDICTIONS_BUCKET),
    provider,
    storage: openStorage(config.storageUrl),
  };
}

function observer(metrics: Metrics): TransportObserver {
  const logger = new Logger('Transport');
  const stageOf = (pattern: Pattern): string => pattern.replace('work.', '');
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
