import type { Lane } from '@darkroom/domain';
import { type JetStreamPublishOptions } from '@nats-io/jetstream';
import type { Broker } from './connect.js';
import { encode, PREDICTION_HEADER } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import { isGone, isWrongLastSequence } from './broker-errors.js';
import { WORK_STREAM, lineSubject, scheduleSubject, WORK_STAGES, workSubject, type WorkStage } from './subjects.js';

/** What of a generation may wait to be done. To cancel it is not among them: that is what is left to do then. */
const WITHDRAWN = WORK_STAGES.filter((stage) => stage !== 'cancel');

/** Puts facts into the work queue, at once or at a time. */
export class WorkQueue {
  constructor(private readonly broker: Broker) {}

  /**
   * Work is the fact that asks for it. The same fact twice is one piece of work within the broker's window, and
   * harmless after it: a handler first looks what is still to be done.
   * @param at ISO 8601; the broker keeps the work until then. Null: now.
   */
  async put(event: RecordedEvent, stage: WorkStage, lane: Lane, at: string | null): Promise<void> {
    // The same work may be scheduled again for another time.
    const msgID = at === null ? `${event.id}.${stage}` : `${event.id}.${stage}.${at}`;
    await this.#publish(event, stage, lane, at, { msgID, expect: { streamName: WORK_STREAM } });
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
      if (isWrongLastSequence(error)) return false;
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

  /**
   * Has a prediction cancelled that turned up after its generation was.
   * @param event the cancellation
   * @throws EventStoreError `unavailable`; ask again
   */
  async cancelPrediction(event: RecordedEvent, lane: Lane, predictionId: string): Promise<void> {
    const { headers, body } = encode(event);
    headers.set(PREDICTION_HEADER, predictionId);
    const msgID = `${event.id}.cancel.${predictionId}`;
    try {
      this.broker.assertConnected();
      const subject = workSubject('cancel', lane, event.generationId);
      await this.broker.jetstream.publish(subject, body, { headers, msgID, expect: { streamName: WORK_STREAM } });
    } catch (error) {
      throw readError(error);
    }
  }

  /**
   * Takes out everything that waits to be done for a generation: its work, its schedules, its place in its user's line.
   * What a worker has in hand goes on, and finds the result unwanted. Idempotent.
   */
  async withdraw(generationId: string, userId: string, lane: Lane): Promise<void> {
    const subjects = [
      lineSubject(userId, lane, generationId),
      ...WITHDRAWN.flatMap((stage) => [workSubject(stage, lane, generationId), scheduleSubject(stage, generationId)]),
    ];
    try {
      this.broker.assertConnected();
      await Promise.all(subjects.map((subject) => this.#removeAll(subject)));
    } catch (error) {
      throw readError(error);
    }
  }

  /**
   * One by one: a purge by subject moves the positions of the consumers whose filter is wider, and a nats-server (2.15.1)
   * that is killed then may forget what is in workers' hands.
   */
  async #removeAll(subject: string): Promise<void> {
    const { direct, streams } = this.broker.manager;
    for (;;) {
      const found = await direct.getMessage(WORK_STREAM, { last_by_subj: subject });
      if (!found) return;
      try {
        await streams.deleteMessage(WORK_STREAM, found.seq, false);
      } catch (error) {
        // Somebody was quicker, or a worker has just finished it.
        if (!isGone(error)) throw error;
      }
    }
  }
}
