import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { EVENTS_STREAM, SweepRecords, type Broker } from '@darkroom/events';
import { createMetrics, HealthChecks, Logger as PinoLogger } from '@darkroom/observability';
import { openReadModels, type ReadModels } from '@darkroom/read-models';
import { openStorage } from '@darkroom/storage';
import type { WorkerConfig } from './config.js';
import { connectAll } from './connections.js';
import { HealthModule } from './health/health.module.js';
import { startWork, type Work } from './start-work.js';

/** Of the questions that health and metrics ask Postgres. Milliseconds. */
const POSTGRES_TIMEOUT_MS = 2_000;

export interface Worker {
  /** Of health and metrics. */
  readonly url: string;
  /** Resolves when the roles have begun to take work, or never will. */
  readonly begun: Promise<void>;
  /** Hands work back, waits for what is quick to end, and closes every connection. */
  close(): Promise<void>;
}

/**
 * Starts a worker: health and metrics at once, and the work when NATS is there.
 * @param onFailure told when the worker cannot go on and has to be ended
 * @throws Error when it cannot have its port; it has not taken work then
 */
export async function startWorker(config: WorkerConfig, onFailure: (error: Error) => void): Promise<Worker> {
  const closing = new AbortController();
  const metrics = createMetrics();
  const storage = await openStorage(config.storageUrl);
  const usesPostgres = config.roles.includes('project') || config.roles.includes('sweep');
  const readModels = usesPostgres ? await openForHealth(config.databaseUrl) : null;
  let broker: Broker | undefined;
  let work: Work | undefined;

  const checks = new HealthChecks([
    { name: 'nats', check: () => checkLog(broker), required: true },
    { name: 'storage', check: (signal) => storage.check(signal), required: false },
    ...(readModels ? [{ name: 'postgres', check: () => readModels.check(), required: false }] : []),
  ]);
  metrics.beforeScrape(() => checks.observe(metrics.dependencyUp));
  if (readModels) {
    metrics.beforeScrape(async () => {
      metrics.stuckGenerations.remove();
      const givenUp = broker ? await (await SweepRecords.open(broker)).givenUp() : [];
      metrics.stuckGenerations.set(await readModels.stuck.count(new Date().toISOString(), givenUp));
    });
  }

  const module = HealthModule.register(config, metrics, checks);
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), { bufferLogs: true });
  app.useLogger(app.get(PinoLogger));
  // First the port: who cannot have it must not take work.
  await app.listen(config.port, config.host);

  async function begin(): Promise<void> {
    try {
      const connections = await connectAll(config, storage, metrics, closing.signal);
      work = await startWork(config, connections, metrics, onFailure);
      // Not before: ready means that work is taken.
      broker = connections.broker;
      new Logger('Worker').log(`Working as ${config.roles.join(', ')}`);
    } catch (error) {
      if (!closing.signal.aborted) onFailure(error instanceof Error ? error : new Error(String(error)));
    }
  }
  const begun = begin();

  return {
    url: await app.getUrl(),
    begun,
    async close() {
      closing.abort();
      await begun;
      await work?.stop();
      await Promise.all([app.close(), readModels?.close()]);
    },
  };
}

function openForHealth(url: string): Promise<ReadModels> {
  return openReadModels({ url, poolSize: 2, timeoutMs: POSTGRES_TIMEOUT_MS });
}

async function checkLog(broker: Broker | undefined): Promise<void> {
  if (!broker) throw new Error('NATS has not been reached yet');
  broker.assertConnected();
  await broker.manager.streams.info(EVENTS_STREAM);
}
