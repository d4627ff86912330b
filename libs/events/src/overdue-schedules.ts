import { headers, type MsgHdrs } from '@nats-io/nats-core';
import { isWrongLastSequence } from './broker-errors.js';
import type { Broker } from './connect.js';
import { readError } from './jetstream-event-store.js';
import { ALL_SCHEDULES, WORK_STREAM } from './subjects.js';

/** Of the broker: when a message is due (`@at <RFC 3339>`), and where it goes then. */
const SCHEDULE = 'Nats-Schedule';
const TARGET = 'Nats-Schedule-Target';

/**
 * Work whose time has come, and that the broker has kept: a nats-server (seen with 2.15.1) that cannot write at that moment,
 * its disk quota being full, tries again only when it is started again. The same work is scheduled for now, in place of the
 * old. Idempotent: whoever is second finds it gone.
 * @param dueBefore ISO 8601 UTC; what was due before this is overdue
 * @returns the subjects of what was sent on
 * @throws EventStoreError `unavailable`
 */
export async function sendOverdue(broker: Broker, dueBefore: Date): Promise<string[]> {
  try {
    broker.assertConnected();
    const { streams, direct } = broker.manager;
    const { state } = await streams.info(WORK_STREAM, { subjects_filter: ALL_SCHEDULES });
    const sent: string[] = [];
    for (const subject of Object.keys(state.subjects ?? {})) {
      const held = await direct.getMessage(WORK_STREAM, { last_by_subj: subject });
      if (!held || !(dueAt(held.header) < dueBefore.getTime())) continue;
      const target = held.header.get(TARGET);
      const expect = { streamName: WORK_STREAM, lastSubjectSequence: held.seq };
      const schedule = { specification: new Date(), target };
      try {
        await broker.jetstream.publish(subject, held.data, {
          headers: withoutBrokerHeaders(held.header),
          expect,
          schedule,
        });
        sent.push(subject);
      } catch (error) {
        if (!isWrongLastSequence(error)) throw error;
      }
    }
    return sent;
  } catch (error) {
    throw readError(error);
  }
}

/** Milliseconds; NaN for what is no schedule of a time. */
function dueAt(header: MsgHdrs): number {
  return Date.parse(header.get(SCHEDULE).replace(/^@at /, ''));
}

/** Without what the broker, and the client that publishes, have added: message ids, schedules, expectations. */
export function withoutBrokerHeaders(header: MsgHdrs): MsgHdrs {
  const own = headers();
  for (const key of header.keys()) if (!key.startsWith('Nats-')) own.set(key, header.get(key));
  return own;
}
