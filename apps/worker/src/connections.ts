import { Logger } from '@nestjs/common';
import {
  Claims,
  connectBroker,
  JetStreamEventStore,
  PREDICTIONS_BUCKET,
  provision,
  SlotTable,
  type Broker,
  type EventStore,
} from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';
import { ReplicateProvider, type ImageProvider } from '@darkroom/provider';
import type { ImageStorage } from '@darkroom/storage';
import type { WorkerConfig } from './config.js';

/** Injection tokens of what the worker is connected to. */
export const BROKER = Symbol('Broker');
export const EVENT_STORE = Symbol('EventStore');

/** What the roles work with. */
export interface Connections {
  readonly broker: Broker;
  readonly store: EventStore;
  readonly claims: Claims;
  readonly slots: SlotTable;
  readonly provider: ImageProvider & { authorizationFor(url: string): string | undefined };
  readonly storage: ImageStorage;
}

/** Waits for NATS, as long as it takes, and provisions it. @throws the reason of `signal` when that aborts */
export async function connectAll(
  config: WorkerConfig,
  storage: ImageStorage,
  metrics: Metrics,
  signal: AbortSignal,
): Promise<Connections> {
  const logger = new Logger('Nats');
  const { servers, credentials, replicas, ackWaitMs } = config.nats;
  const broker = await connectBroker({
    servers,
    credentials,
    name: 'darkroom-worker',
    onStatus: (line) => logger.warn(line),
    signal,
  });
  try {
    await provision(broker, { replicas, ackWaitMs }, signal);
    const claims = await Claims.open(broker, PREDICTIONS_BUCKET);
    const slots = await SlotTable.open(broker);
    signal.throwIfAborted();
    return {
      broker,
      store: new JetStreamEventStore(broker),
      claims,
      slots,
      provider: connectProvider(config, metrics),
      storage,
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

function connectProvider({ replicate }: WorkerConfig, metrics: Metrics): ReplicateProvider {
  return new ReplicateProvider({
    ...replicate,
    onCall: ({ operation, code, seconds }) => {
      metrics.providerRequests.inc({ operation, code });
      metrics.providerRequestDuration.observe({ operation, code }, seconds);
    },
  });
}
