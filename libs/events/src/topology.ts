import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  PersistMode,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { LANES, type Lane } from '@darkroom/domain';
import * as names from './subjects.js';

/** Raise it with every change below: processes of an older release then leave the newer configuration alone. */
export const TOPOLOGY_VERSION = 3;

/** Largest body of an event. A request is at most 1 MiB of JSON, and most of that is refused before. */
export const MAX_EVENT_BYTES = 512 * 1024;

/** How long a delivered message may go without a sign of life before another worker gets it. Milliseconds. */
export const ACK_WAIT_MS = 30_000;

/** Deliveries of one piece of work. Restarts of workers use them too, so this is far above any fair number. */
export const MAX_DELIVER = 25;

/** How many messages of a stage may be out with workers at once, over all workers. */
const MAX_ACK_PENDING = 10_000;

/** Shares of a stage's slots while every lane has work; what was scheduled has the same again as what is asked for now. */
export const LANE_WEIGHTS: Readonly<Record<Lane, number>> = { high: 6, normal: 3, low: 1 };

export interface StreamDefinition {
  readonly config: Partial<StreamConfig> & { name: string };
  readonly consumers: readonly (Partial<ConsumerConfig> & { durable_name: string })[];
}

export interface TopologyOptions {
  /** Copies of every stream: 1 on one machine, 3 or 5 in a cluster. */
  readonly replicas: number;
  /** Tests shorten it. Milliseconds. */
  readonly ackWaitMs?: number;
  /** Tests lower it. */
  readonly maxDeliver?: number;
}

/** Every stream and consumer of Darkroom, as they should be. */
export function topology({
  replicas,
  ackWaitMs = ACK_WAIT_MS,
  maxDeliver = MAX_DELIVER,
}: TopologyOptions): readonly StreamDefinition[] {
  const durable = { storage: StorageType.File, num_replicas: replicas, discard: DiscardPolicy.New };
  const explicit = { ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All, ack_wait: nanos(ackWaitMs) };
  return [
    {
      config: {
        ...durable,
        name: names.EVENTS_STREAM,
        description: 'The log: every fact about every generation, one subject each',
        subjects: [names.ALL_GENERATIONS],
        retention: RetentionPolicy.Limits,
        allow_direct: true,
        allow_atomic: true,
        max_msg_size: MAX_EVENT_BYTES + 8 * 1024,
      },
      consumers: [
        {
          ...explicit,
          durable_name: names.DISPATCHER_CONSUMER,
          description: 'Turns facts into work',
          filter_subject: names.ALL_GENERATIONS,
          max_deliver: -1,
          max_ack_pending: MAX_ACK_PENDING,
        },
      ],
    },
    {
      config: {
        ...durable,
        name: names.WORK_STREAM,
        description: 'What is to be done, and what is scheduled to be',
        subjects: names.WORK_SUBJECTS,
        retention: RetentionPolicy.Workqueue,
        // It follows from the log, and is put again if it is forgotten (docs/adr/0024). The server allows this for one copy.
        ...(replicas === 1 && { persist_mode: PersistMode.Async }),
        // The server refuses schedules together with `new`. Without limits nothing is ever discarded.
        discard: DiscardPolicy.Old,
        allow_direct: true,
        allow_msg_schedules: true,
      },
      consumers: names.WORK_STAGES.flatMap((stage) =>
        LANES.map((lane) => ({
          ...explicit,
          durable_name: names.workConsumer(stage, lane),
          filter_subject: names.workFilter(stage, lane),
          max_deliver: maxDeliver,
          max_ack_pending: MAX_ACK_PENDING,
        })),
      ),
    },
    {
      config: {
        ...durable,
        name: names.ADVISORIES_STREAM,
        description: "The broker's word that a piece of work was delivered as often as it may be",
        subjects: [names.EXHAUSTED_ADVISORIES],
        retention: RetentionPolicy.Workqueue,
      },
      consumers: [{ ...explicit, durable_name: names.EXHAUSTED_CONSUMER, max_deliver: -1 }],
    },
  ];
}
