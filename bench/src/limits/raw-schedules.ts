import type { Broker } from '@darkroom/events';
import { AckPolicy, RetentionPolicy } from '@nats-io/jetstream';
import { randomUUID } from 'node:crypto';
import { rate } from '../operations.js';
import { rawSubject } from '../raw-names.js';

const RAW_SCHEDULES_STREAM = 'RAW_SCHEDULES';
const BODY = new Uint8Array(1_000);
const CONCURRENCY = 64;

/**
 * The limit of scheduled work: messages that the broker turns into work at one time, one pull consumer, and a durable
 * publish for each, in one process that does nothing else. Needs the raw stream. Answers the milliseconds from that time
 * to each publish.
 */
export async function measureSchedules(
  { jetstream, manager }: Broker,
  count: number,
  aheadMs: number,
): Promise<number[]> {
  await manager.streams.add({
    name: RAW_SCHEDULES_STREAM,
    subjects: ['raw-schedule.*', 'raw-due.*'],
    retention: RetentionPolicy.Workqueue,
    allow_msg_schedules: true,
  });
  try {
    await manager.consumers.add(RAW_SCHEDULES_STREAM, {
      durable_name: 'raw',
      ack_policy: AckPolicy.Explicit,
      filter_subject: 'raw-due.*',
    });
    const due = new Date(Date.now() + aheadMs);
    await rate(count, CONCURRENCY, () => {
      const id = randomUUID();
      const schedule = { specification: due, target: `raw-due.${id}` };
      return jetstream.publish(`raw-schedule.${id}`, BODY, { schedule });
    });
    if (Date.now() > due.getTime()) throw new Error('The time came before everything was scheduled for it');
    const consumer = await jetstream.consumers.get(RAW_SCHEDULES_STREAM, 'raw');
    const late: Promise<number>[] = [];
    for await (const message of await consumer.consume({ max_messages: CONCURRENCY })) {
      late.push(
        jetstream.publish(rawSubject(randomUUID()), BODY).then(() => {
          message.ack();
          return Date.now() - due.getTime();
        }),
      );
      if (late.length === count) break;
    }
    return await Promise.all(late);
  } finally {
    await manager.streams.delete(RAW_SCHEDULES_STREAM);
  }
}
