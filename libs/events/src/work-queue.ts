import type { Lane } from '@darkroom/domain';
import type { Broker } from './connect.js';
import { encode } from './envelope.js';
import type { RecordedEvent } from './event-store.js';
import { readError } from './jetstream-event-store.js';
import { WORK_STREAM, lineSubject, scheduleSubject, workSubject, type WorkStage } from './subjects.js';

/** What of a generation may wait to be done. To cancel it is not among them: that is what is left to do then. */
const WITHDRAWN = ['admit', 'generate', 'download'] as const satisfies readonly WorkStage[];

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
    const expect = { streamName: WORK_STREAM };
    this.broker.assertConnected();
    if (at === null) {
      const msgID = `${event.id}.${stage}`;
      await this.broker.jetstream.publish(subject, body, { headers, msgID, expect });
    } else {
      const schedule = { specification: new Date(at), target: subject };
      const held = scheduleSubject(stage, event.generationId);
      // The same work may be scheduled again for another time.
      const msgID = `${event.id}.${stage}.${at}`;
      await this.broker.jetstream.publish(held, body, { headers, msgID, expect, schedule });
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
      const { streams } = this.broker.manager;
      await Promise.all(subjects.map((filter) => streams.purge(WORK_STREAM, { filter })));
    } catch (error) {
      throw readError(error);
    }
  }
}
