import { Logger } from '@nestjs/common';
import {
  cancellingKey,
  Claims,
  connectBroker,
  Documents,
  GenerationNotes,
  JetStreamEventStore,
  PREDICTIONS_BUCKET,
  provision,
  SharedBudget,
  SlotTable,
  SOURCES_BUCKET,
  StageHolds,
  type Broker,
  type BudgetName,
  type EventStore,
} from '@darkroom/events';
import type { Metrics } from '@darkroom/observability';
import { ReplicateProvider, type ImageProvider } from '@darkroom/provider';
import type { ImageStorage } from '@darkroom/storage';
import type { WorkerConfig } from './config.js';

/** Injection tokens of what the worker is connected to. */
export const BROKER = Symbol('Broker');
export const EVENT_STORE = Symbol('EventStore');
export const CANCELLING = Symbol('Cancelling');

/** What the roles work with. */
export interface Connections {
  readonly broker: Broker;
  readonly store: EventStore;
  readonly claims: Claims;
  readonly slots: SlotTable;
  /** What the provider was given for images. */
  readonly sources: Documents;
  readonly provider: ImageProvider & { authorizationFor(url: string): string | undefined };
  readonly storage: ImageStorage;
  /** Leave to create predictions, shared by all workers. */
  readonly creates: SharedBudget;
  readonly holds: StageHolds;
  /** Cancelled generations of which the provider has still to be told. */
  readonly cancelling: GenerationNotes;
}

const NEVER = new AbortController().signal;

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
    const creates = await openBudget(broker, 'creates', config.replicate.createsPerMinute);
    const calls = await openBudget(broker, 'calls', config.replicate.callsPerMinute);
    const holds = await StageHolds.open(broker);
    const slots = await SlotTable.open(broker);
    const cancelling = await GenerationNotes.open(broker, cancellingKey);
    const sources = await Documents.open(broker, SOURCES_BUCKET);
    signal.throwIfAborted();
    return {
      broker,
      store: new JetStreamEventStore(broker),
      claims,
      slots,
      sources,
      provider: connectProvider(config, metrics, { creates, calls }),
      storage,
      creates,
      holds,
      cancelling,
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

function openBudget(broker: Broker, name: BudgetName, perMinute: number): Promise<SharedBudget> {
  const logger = new Logger('Budget');
  return SharedBudget.open(broker, name, {
    perMinute,
    onAway: (error) => logger.warn(`No ${name} while the budget cannot be reached: ${error.message}`),
  });
}

function connectProvider(
  { replicate }: WorkerConfig,
  metrics: Metrics,
  budgets: Readonly<Record<BudgetName, SharedBudget>>,
): ReplicateProvider {
  const logger = new Logger('Budget');
  return new ReplicateProvider({
    ...replicate,
    onCall: ({ operation, code, seconds }) => {
      metrics.providerRequests.inc({ operation, code });
      metrics.providerRequestDuration.observe({ operation, code }, seconds);
    },
    beforeCall: async (_operation, signal) => void (await budgets.calls.take(signal ?? NEVER)),
    onThrottled: (operation, pauseMs) => {
      const name = operation === 'create' ? 'creates' : 'calls';
      logger.warn(`Replicate throttles ${name}: none for ${pauseMs} ms`);
      // Whoever the others' word does not reach will be told by the provider.
      budgets[name].holdUntil(Date.now() + pauseMs).catch((error: Error) => logger.warn(error.message));
    },
  });
}
