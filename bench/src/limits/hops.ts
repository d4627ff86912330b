import type { Broker } from '@darkroom/events';
import { AckPolicy, RetentionPolicy, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { storedAt } from '../follower.js';
import { RAW_STREAM, rawSubject } from '../raw-names.js';

const RAW_WORK_STREAM = 'RAW_WORK';
const BODY = new Uint8Array(1_000);

/**
 * The limit of beginning work: three durable publishes and the two pull consumers between them (the log, the work queue,
 * the log again), in one process that does nothing else. Needs the raw stream. Answers the milliseconds from the first
 * to the second fact, by the broker's clock, of `count` of them at `perSecond`.
 */
export async function measureHops(broker: Broker, count: number, perSecond: number): Promise<number[]> {
  const { jetstream, manager } = broker;
  const workSubject = (id: string): string => `raw-work.${id}`;
  await manager.streams.add({
    name: RAW_WORK_STREAM,
    subjects: [workSubject('*')],
    retention: RetentionPolicy.Workqueue,
  });
  const facts = await pull(broker, RAW_STREAM);
  const work = await pull(broker, RAW_WORK_STREAM);
  const requestedAt = new Map<string, number>();
  const waits: number[] = [];

  const dispatching = (async () => {
    for await (const fact of facts) {
      const before = requestedAt.get(idOf(fact));
      if (before === undefined) {
        requestedAt.set(idOf(fact), storedAt(fact));
        await jetstream.publish(workSubject(idOf(fact)), BODY);
      } else {
        waits.push(storedAt(fact) - before);
      }
      fact.ack();
      if (waits.length === count) break;
    }
  })();
  const working = (async () => {
    let done = 0;
    for await (const item of work) {
      await jetstream.publish(rawSubject(idOf(item)), BODY);
      item.ack();
      if (++done === count) break;
    }
  })();
  for (let sent = 0; sent < count; sent++) {
    await jetstream.publish(rawSubject(randomUUID()), BODY);
    await delay(1_000 / perSecond);
  }
  await Promise.all([dispatching, working]);
  return waits;
}

/** Appends per second of the bare client, to the raw stream. */
export function rawAppend(broker: Broker): () => Promise<unknown> {
  return () => broker.jetstream.publish(rawSubject(randomUUID()), BODY);
}

async function pull(broker: Broker, stream: string): Promise<ConsumerMessages> {
  await broker.manager.consumers.add(stream, { durable_name: 'raw', ack_policy: AckPolicy.Explicit });
  return (await broker.jetstream.consumers.get(stream, 'raw')).consume({ max_messages: 64 });
}

function idOf(message: JsMsg): string {
  return message.subject.split('.')[1]!;
}
