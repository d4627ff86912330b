import type { ModelSwitches } from '@darkroom/domain';
import {
  Claims,
  connectBroker,
  Documents,
  EventStoreError,
  IDEMPOTENCY_BUCKET,
  JetStreamEventStore,
  JetStreamLogReader,
  ModelSwitchboard,
  PredictionClaims,
  PREDICTIONS_BUCKET,
  provision,
  QueuePositions,
  QUOTAS_BUCKET,
  SLOTS_BUCKET,
  Signals,
  WorkQueue,
  type Broker,
  type EventStore,
  type LogReader,
  type ProgressNews,
  type Queued,
} from '@darkroom/events';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayConfig } from '../config.js';

/** Pause between attempts to provision. Milliseconds. */
const RETRY_PAUSE_MS = 1_000;

interface Opened {
  readonly broker: Broker;
  readonly store: EventStore;
  readonly reader: LogReader;
  readonly buckets: Buckets;
  readonly queue: QueuePositions;
  readonly signals: Signals;
  readonly work: WorkQueue;
}

interface Buckets {
  readonly idempotencyKeys: Claims;
  readonly quotas: Documents;
  readonly slots: Documents;
  readonly predictions: PredictionClaims;
  readonly models: ModelSwitchboard;
}

/** Name of the provider whose webhooks are taken, as its predictions are claimed and recorded. */
export const PROVIDER = 'replicate';

/**
 * The event log, from before NATS can be reached: until then everything throws EventStoreError `unavailable`, and the
 * connection is tried for ever in the background. The gateway thus starts, and recovers, without anybody's help.
 */
export class LogConnection {
  readonly #logger = new Logger('Log');
  readonly #closing = new AbortController();
  readonly #progressListeners: ((news: ProgressNews) => void)[] = [];
  readonly #switchListeners: ((switches: ModelSwitches) => void)[] = [];
  #opened: Opened | null = null;
  #opening: Promise<void> = Promise.resolve();

  constructor(private readonly config: GatewayConfig['nats']) {}

  /** Never throws; call once. */
  open(): void {
    this.#opening = this.#open();
  }

  readonly store: EventStore = {
    load: async (generationId) => this.#use().store.load(generationId),
    append: async (event, expected) => this.#use().store.append(event, expected),
  };

  readonly reader: LogReader = {
    identify: async () => this.#use().reader.identify(),
    read: (after, options) => this.#use().reader.read(after, options),
  };

  readonly queue: Pick<QueuePositions, 'of'> = {
    of: async (queued: Queued) => this.#use().queue.of(queued),
  };

  /** @throws EventStoreError `unavailable` */
  readonly idempotencyKeys = (): Claims => this.#use().buckets.idempotencyKeys;

  /** @throws EventStoreError `unavailable` */
  readonly quotas = (): Documents => this.#use().buckets.quotas;

  /** @throws EventStoreError `unavailable` */
  readonly slots = (): Documents => this.#use().buckets.slots;

  /** @throws EventStoreError `unavailable` */
  readonly predictions = (): PredictionClaims => this.#use().buckets.predictions;

  /** @throws EventStoreError `unavailable` */
  readonly models = (): ModelSwitchboard => this.#use().buckets.models;

  /** @throws EventStoreError `unavailable` */
  readonly signals = (): Signals => this.#use().signals;

  /** @throws EventStoreError `unavailable` */
  readonly work = (): WorkQueue => this.#use().work;

  /** Hears how far generations have come, as long as NATS can be reached. Register it before {@link open}. */
  onProgress(listener: (news: ProgressNews) => void): void {
    this.#progressListeners.push(listener);
  }

  /** Hears which models are switched before anything can be accepted. Register it before {@link open}. */
  onModelSwitches(listener: (switches: ModelSwitches) => void): void {
    this.#switchListeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#opening;
    await this.#opened?.broker.close();
  }

  #use(): Opened {
    if (!this.#opened) throw new EventStoreError('unavailable', 'NATS has not been reached yet');
    return this.#opened;
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    const broker = await this.#untilItWorks('connect', () =>
      connectBroker({
        servers: this.config.servers,
        credentials: this.config.credentials,
        name: 'darkroom-gateway',
        onStatus: (line) => this.#logger.warn(line),
        signal,
      }),
    );
    if (!broker) return;
    const buckets = await this.#untilItWorks('provision', async () => {
      const { replicas, ackWaitMs } = this.config;
      await provision(broker, { replicas, ackWaitMs }, signal);
      const models = await ModelSwitchboard.open(broker);
      const switches = await models.read();
      for (const listener of this.#switchListeners) listener(switches);
      return {
        models,
        idempotencyKeys: await Claims.open(broker, IDEMPOTENCY_BUCKET),
        predictions: new PredictionClaims(await Claims.open(broker, PREDICTIONS_BUCKET), PROVIDER),
        quotas: await Documents.open(broker, QUOTAS_BUCKET),
        slots: await Documents.open(broker, SLOTS_BUCKET),
      };
    });
    if (!buckets || signal.aborted) return broker.close();
    const signals = new Signals(broker);
    for (const listener of this.#progressListeners) signals.onProgress(listener);
    this.#opened = {
      broker,
      store: new JetStreamEventStore(broker),
      reader: new JetStreamLogReader(broker),
      buckets,
      queue: new QueuePositions(broker),
      signals,
      work: new WorkQueue(broker),
    };
    this.#logger.log('The event log is open');
    // Reconnecting is the client's business. What it gives up on, such as a refused credential, begins anew here.
    void broker.connection.closed().then(() => {
      if (signal.aborted) return;
      this.#opened = null;
      this.open();
    });
  }

  /** Null when the gateway closes first. */
  async #untilItWorks<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) break;
        this.#logger.error({ err: error }, `Cannot ${what}; trying again`);
        await delay(RETRY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return null;
  }
}
