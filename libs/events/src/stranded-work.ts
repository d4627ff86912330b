import { LANES } from '@darkroom/domain';
import { type StoredMsg } from '@nats-io/jetstream';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { isGone, isWrongLastSequence } from './broker-errors.js';
import { withoutBrokerHeaders } from './overdue-schedules.js';
import { WORK_STAGES, WORK_STREAM, workConsumer, workFilter } from './subjects.js';

/**
 * Work that is in the queue and that its consumer takes for done: it will be delivered to nobody. A nats-server that is
 * killed may come back so (seen with 2.15.1). The same work is put again, and only then the old is removed. Idempotent:
 * whoever is second finds it gone.
 * @returns the subjects of what was sent on
 * @throws EventStoreError `unavailable`
 */
export async function sendStranded(broker: Broker): Promise<string[]> {
  try {
    broker.assertConnected();
    const sent: string[] = [];
    for (const stage of WORK_STAGES) {
      for (const lane of LANES) {
        const { ack_floor, delivered, num_ack_pending } = await broker.manager.consumers.info(
          WORK_STREAM,
          workConsumer(stage, lane),
        );
        const done = num_ack_pending === 0 ? delivered.stream_seq : ack_floor.stream_seq;
        for await (const message of upTo(broker, workFilter(stage, lane), done)) {
          if (await sendOn(broker, message, done)) sent.push(message.subject);
        }
      }
    }
    return sent;
  } catch (error) {
    throw readError(error);
  }
}

/** What is still in the queue of all that came up to `last`. */
async function* upTo(broker: Broker, filter: string, last: number): AsyncGenerator<StoredMsg, void, void> {
  for (let seq = 1; seq <= last;) {
    const message = await broker.manager.direct.getMessage(WORK_STREAM, { seq, next_by_subj: filter });
    if (!message || message.seq > last) return;
    yield message;
    seq = message.seq + 1;
  }
}

/** Whether it was put again; what has a successor is only removed. */
async function sendOn(broker: Broker, { subject, seq, header, data }: StoredMsg, done: number): Promise<boolean> {
  const newest = await broker.manager.direct.getMessage(WORK_STREAM, { last_by_subj: subject });
  const isNewest = newest !== null && newest.seq <= done;
  try {
    if (isNewest) {
      const expect = { streamName: WORK_STREAM, lastSubjectSequence: newest.seq };
      await broker.jetstream.publish(subject, data, { headers: withoutBrokerHeaders(header), expect });
    }
    await broker.manager.streams.deleteMessage(WORK_STREAM, seq);
    return isNewest;
  } catch (error) {
    if (isGone(error) || isWrongLastSequence(error)) return false;
    throw error;
  }
}
