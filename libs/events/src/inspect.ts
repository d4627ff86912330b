import { CONSUMER_NOT_FOUND, differingFields, find, STREAM_NOT_FOUND } from './configuration.js';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { TOPOLOGY } from './provision.js';
import * as names from './subjects.js';
import { TOPOLOGY_VERSION, topology } from './topology.js';

/** How a stream, a consumer or a bucket is otherwise than this release makes it. */
export interface Deviation {
  /** E.g. `stream WORK`, `consumer generate-high`. */
  readonly name: string;
  /** `newer`: made by a newer release, which this one leaves alone. */
  readonly kind: 'missing' | 'different' | 'newer';
  /** Of a different one: which fields. */
  readonly fields: readonly string[];
}

const BUCKETS = [
  names.IDEMPOTENCY_BUCKET,
  names.PREDICTIONS_BUCKET,
  names.SOURCES_BUCKET,
  names.SLOTS_BUCKET,
  names.QUOTAS_BUCKET,
  names.BUDGETS_BUCKET,
  names.CONTROL_BUCKET,
];

/**
 * What `provision` would do, without doing it. What differs by the environment of whoever provisions, the number of
 * replicas and the time for acknowledgements, is taken as it is; so is what can only be chosen when a stream is made. @throws EventStoreError `unavailable`
 */
export async function inspectTopology(broker: Broker): Promise<Deviation[]> {
  try {
    broker.assertConnected();
    return [...(await inspectStreams(broker)), ...(await inspectBuckets(broker))];
  } catch (error) {
    throw readError(error);
  }
}

async function inspectStreams(broker: Broker): Promise<Deviation[]> {
  const { streams, consumers } = broker.manager;
  const found: Deviation[] = [];
  const missing = (name: string): void => void found.push({ name, kind: 'missing', fields: [] });
  for (const { config, consumers: wanted } of topology({ replicas: 1 })) {
    const name = `stream ${config.name}`;
    const stream = await find(streams.info(config.name), STREAM_NOT_FOUND);
    if (!stream) {
      missing(name);
      continue;
    }
    if (Number(stream.config.metadata?.[TOPOLOGY] ?? 0) > TOPOLOGY_VERSION) {
      found.push({ name, kind: 'newer', fields: [] });
      continue;
    }
    const { num_replicas, persist_mode } = stream.config;
    const fields = differingFields({ ...config, num_replicas, persist_mode }, stream.config);
    if (fields.length > 0) found.push({ name, kind: 'different', fields });
    for (const { deliver_policy: _, ...lasting } of wanted) {
      const consumer = await find(consumers.info(config.name, lasting.durable_name), CONSUMER_NOT_FOUND);
      if (!consumer) {
        missing(`consumer ${lasting.durable_name}`);
        continue;
      }
      const differing = differingFields({ ...lasting, ack_wait: consumer.config.ack_wait }, consumer.config);
      if (differing.length > 0) {
        found.push({ name: `consumer ${lasting.durable_name}`, kind: 'different', fields: differing });
      }
    }
  }
  return found;
}

async function inspectBuckets(broker: Broker): Promise<Deviation[]> {
  const found: Deviation[] = [];
  for (const bucket of BUCKETS) {
    const stream = await find(broker.manager.streams.info(names.bucketStream(bucket)), STREAM_NOT_FOUND);
    if (!stream) found.push({ name: `bucket ${bucket}`, kind: 'missing', fields: [] });
  }
  return found;
}
