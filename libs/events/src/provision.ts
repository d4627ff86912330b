import { JetStreamApiError, type ConsumerConfig, type StreamInfo } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/nats-core';
import { setTimeout as delay } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { CONSUMER_NOT_FOUND, differs, find, STREAM_NAME_IN_USE, STREAM_NOT_FOUND } from './configuration.js';
import type { Broker } from './connect.js';
import {
  bucketStream,
  BUDGETS_BUCKET,
  CONTROL_BUCKET,
  IDEMPOTENCY_BUCKET,
  PREDICTIONS_BUCKET,
  QUOTAS_BUCKET,
  SLOTS_BUCKET,
  SOURCES_BUCKET,
  WORK_STREAM,
} from './subjects.js';
import { TOPOLOGY_VERSION, topology, type StreamDefinition, type TopologyOptions } from './topology.js';

/** Stream metadata: which log this is. Given when the stream is made, kept by snapshots, never changed. */
export const LOG_ID = 'darkroom_log_id';
/** Of which release its configuration is. */
export const TOPOLOGY = 'darkroom_topology';

/** What to do about a stream, if not to move its messages. */
const HELP: Readonly<Record<string, string>> = {
  [WORK_STREAM]: 'What it holds follows from the log: stop all workers and gateways, delete it (docs/operations.md).',
};

/** Pause between tries while JetStream does not answer. Milliseconds. */
const PAUSE_MS = 250;

/** Nobody looks for a prediction that is older: attempts last minutes, outages of everything hopefully not for a week. */
const PREDICTION_CLAIM_MS = 7 * 24 * 3_600_000;

/** Replicate keeps an uploaded file for 24 hours; what is handed over must outlive its prediction. */
const SOURCE_MS = 20 * 3_600_000;

/** The longest window is a day. */
const QUOTA_MS = 2 * 24 * 3_600_000;

/**
 * Makes every stream, consumer and bucket that is missing and brings those that differ up to date. Any number of
 * processes may do it at once, and again at every start. A configuration of a newer release is left alone. What cannot
 * be changed in place is refused for streams (data), and made anew for consumers, from where the old one stood.
 * Waits for a JetStream that does not answer yet: a server takes clients before it has recovered its streams.
 * @throws Error that says what to do about a stream; the reason of `signal` when that aborts
 */
export async function provision(broker: Broker, options: TopologyOptions, signal?: AbortSignal): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await provisionOnce(broker, options);
    } catch (error) {
      if (!isAway(error)) throw error;
      await delay(PAUSE_MS, undefined, { signal });
    }
  }
}

/** No answer, or the answer that it cannot be done just now. */
function isAway(error: unknown): boolean {
  return (
    error instanceof TimeoutError ||
    error instanceof RequestError ||
    error instanceof NoRespondersError ||
    (error instanceof JetStreamApiError && error.status === 503)
  );
}

async function provisionOnce(broker: Broker, options: TopologyOptions): Promise<void> {
  for (const definition of topology(options)) {
    const written = await provisionStream(broker, definition);
    if (written === 'newer') continue;
    for (const consumer of definition.consumers) await provisionConsumer(broker, definition.config.name, consumer);
  }
  const buckets = new Kvm(broker.jetstream);
  await buckets.create(IDEMPOTENCY_BUCKET, { replicas: options.replicas, history: 1 });
  await buckets.create(PREDICTIONS_BUCKET, { replicas: options.replicas, history: 1, ttl: PREDICTION_CLAIM_MS });
  await buckets.create(SOURCES_BUCKET, { replicas: options.replicas, history: 1, ttl: SOURCE_MS });
  await buckets.create(QUOTAS_BUCKET, { replicas: options.replicas, history: 1, ttl: QUOTA_MS });
  for (const bucket of [SLOTS_BUCKET, BUDGETS_BUCKET, CONTROL_BUCKET]) {
    await buckets.create(bucket, { replicas: options.replicas, history: 1 });
  }
  for (const bucket of [IDEMPOTENCY_BUCKET, PREDICTIONS_BUCKET]) await allowBatches(broker, bucket);
}

/** For group commits of claims: the client has no option for it. */
async function allowBatches({ manager }: Broker, bucket: string): Promise<void> {
  const { config } = await manager.streams.info(bucketStream(bucket));
  if (!config.allow_atomic) await manager.streams.update(config.name, { ...config, allow_atomic: true });
}

async function provisionStream(broker: Broker, { config }: StreamDefinition): Promise<'ours' | 'newer'> {
  const { streams } = broker.manager;
  const current = await find(streams.info(config.name), STREAM_NOT_FOUND);
  if (!current) {
    const metadata = { [LOG_ID]: uuidv7(), [TOPOLOGY]: String(TOPOLOGY_VERSION) };
    const made = await find(streams.add({ ...config, metadata }), STREAM_NAME_IN_USE);
    // Another process was quicker, with another identity: go by what it made.
    return made ? 'ours' : provisionStream(broker, { config, consumers: [] });
  }
  if (Number(current.config.metadata?.[TOPOLOGY] ?? 0) > TOPOLOGY_VERSION) return 'newer';
  const metadata = {
    ...current.config.metadata,
    [LOG_ID]: current.config.metadata?.[LOG_ID] ?? uuidv7(),
    [TOPOLOGY]: String(TOPOLOGY_VERSION),
  };
  // Chosen for ever when the stream is made.
  const { persist_mode } = current.config;
  const wanted = { ...config, metadata, persist_mode };
  if (differs(wanted, current.config)) await updateStream(broker, current, wanted);
  return 'ours';
}

async function updateStream(broker: Broker, current: StreamInfo, wanted: StreamDefinition['config']): Promise<void> {
  try {
    await broker.manager.streams.update(wanted.name, { ...current.config, ...wanted });
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    throw new Error(
      `The stream ${wanted.name} has a configuration that cannot be changed in place (${error.message}). ` +
        `Nothing was changed. ${HELP[wanted.name] ?? 'Move its messages to a new stream, or start with another NATS account.'}`,
      { cause: error },
    );
  }
}

async function provisionConsumer(
  broker: Broker,
  stream: string,
  wanted: Partial<ConsumerConfig> & { durable_name: string },
): Promise<void> {
  const { consumers } = broker.manager;
  const name = wanted.durable_name;
  const current = await find(consumers.info(stream, name), CONSUMER_NOT_FOUND);
  if (!current) {
    // Adding what is there with the same configuration is not an error, so two processes may meet here.
    await consumers.add(stream, wanted);
    return;
  }
  // Where a consumer begins matters only when it is made: one that was made anew began in the middle.
  const { deliver_policy: _, ...lasting } = wanted;
  if (!differs(lasting, current.config)) return;
  try {
    await consumers.update(stream, name, lasting);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    const { retention } = (await broker.manager.streams.info(stream)).config;
    await consumers.delete(stream, name);
    // A work queue holds nothing but open work; on a log, go on after the last event that was done with.
    const resume = { deliver_policy: 'by_start_sequence', opt_start_seq: current.ack_floor.stream_seq + 1 } as const;
    // Whoever paused its stage did not mean this consumer only (StageHolds). An update keeps it by itself.
    const held = current.paused ? { pause_until: current.config.pause_until } : {};
    await consumers.add(stream, { ...wanted, ...held, ...(retention === 'workqueue' ? {} : resume) });
  }
}
