import type { Lane } from '@darkroom/domain';
import type { Broker } from './connect.js';
import { encode, PREDICTION_HEADER } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import { WORK_STREAM, scheduleSubject, workSubject, type WorkStage } from './subjects.js';

/** Puts facts into the work queue, at once or at a time. */
export class WorkQueue {
  constructor(private readonly broker: Broker) {}

  /**
   * Work is the fact that asks for it. The same fact twice is one piece of work within the broker's window, and
   * harmless after it: a handler first looks what is still to be done.
   * @param at ISO 8601; the broker keeps the work until then. Null: now.
   */
  async put(event: RecordedEvent, stage: WorkStage, lane: Lane, at: string | null): Promise<void> {
    const { headers, body } = encode(event);
    const subject = workSubject(stage, lane, event.generationId);
    const msgID = `${event.id}.${stage}`;
    const expect = { streamName: WORK_STREAM };
    this.broker.assertConnected();
    if (at === null) {
      await this.broker.jetstream.publish(subject, body, { headers, msgID, expect });
    } else {
      const schedule = { specification: new Date(at), target: subject };
      const held = scheduleSubject(stage, event.generationId);
      await this.broker.jetstream.publish(held, body, { headers, msgID, expect, schedule });
    }
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
}
