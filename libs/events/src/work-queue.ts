import type { Lane } from '@darkroom/domain';
import { JetStreamApiError, type JetStreamPublishOptions } from '@nats-io/jetstream';
import type { Broker } from './connect.js';
import { encode } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import { WORK_STREAM, scheduleSubject, workSubject, type WorkStage } from './subjects.js';

/** nats-server: wrong last sequence, here: there is such work. Which of the two depends on the version. */
const THERE_IS_SUCH = new Set([10071, 10164]);

/** Puts facts into the work queue, at once or at a time. */
export class WorkQueue {
  constructor(private readonly broker: Broker) {}

  /**
   * Work is the fact that asks for it. The same fact twice is one piece of work within the broker's window, and
   * harmless after it: a handler first looks what is still to be done.
   * @param at ISO 8601; the broker keeps the work until then. Null: now.
   */
  async put(event: RecordedEvent, stage: WorkStage, lane: Lane, at: string | null): Promise<void> {
    await this.#publish(event, stage, lane, at, { msgID: `${event.id}.${stage}`, expect: { streamName: WORK_STREAM } });
  }

  /**
   * Puts work again that was lost: past the broker's window for duplicates, and only if there is none such. Of any
   * number that do it at once, one does. Answers whether it was this one. @throws EventStoreError `unavailable`
   */
  async putAgain(event: RecordedEvent, stage: WorkStage, lane: Lane, at: string | null): Promise<boolean> {
    const expect = { streamName: WORK_STREAM, lastSubjectSequence: 0 };
    try {
      await this.#publish(event, stage, lane, at, { expect });
      return true;
    } catch (error) {
      if (error instanceof JetStreamApiError && THERE_IS_SUCH.has(error.code)) return false;
      throw readError(error);
    }
  }

  async #publish(
    event: RecordedEvent,
    stage: WorkStage,
    lane: Lane,
    at: string | null,
    options: Pick<Partial<JetStreamPublishOptions>, 'msgID' | 'expect'>,
  ): Promise<void> {
    const { headers, body } = encode(event);
    const target = workSubject(stage, lane, event.generationId);
    const scheduled = at !== null && { schedule: { specification: new Date(at), target } };
    const subject = scheduled ? scheduleSubject(stage, event.generationId) : target;
    this.broker.assertConnected();
    await this.broker.jetstream.publish(subject, body, { headers, ...options, ...scheduled });
  }
}
