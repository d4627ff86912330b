import { encode, generationSubject, type Broker } from '@darkroom/events';
import { randomUUID } from 'node:crypto';
import { completed, EVENTS_OF_A_GENERATION } from './story.js';

/** Generations of one atomic batch: the server takes at most 1,000 messages in one (ADR-50). */
const GENERATIONS_OF_A_BATCH = 100;

/** Writes `count` completed generations into the log, by atomic batches: an append each would take minutes. */
export async function fillLog(broker: Broker, count: number): Promise<void> {
  for (let left = count; left > 0; left -= GENERATIONS_OF_A_BATCH) {
    await appendBatch(broker, Math.min(left, GENERATIONS_OF_A_BATCH));
  }
}

async function appendBatch({ connection }: Broker, count: number): Promise<void> {
  const batch = randomUUID();
  const stories = Array.from({ length: count }, completed);
  // One event of each after the other, as they would come about.
  const events = Array.from({ length: EVENTS_OF_A_GENERATION }, (_, step) =>
    stories.map((story) => story[step]!),
  ).flat();
  for (const [index, event] of events.entries()) {
    const { headers, body } = encode(event);
    headers.set('Nats-Msg-Id', event.id);
    headers.set('Nats-Batch-Id', batch);
    headers.set('Nats-Batch-Sequence', String(index + 1));
    const subject = generationSubject(event.generationId);
    if (index < events.length - 1) {
      connection.publish(subject, body, { headers });
      continue;
    }
    headers.set('Nats-Batch-Commit', '1');
    const answer = await connection.request(subject, body, { headers, timeout: 30_000 });
    const { error } = answer.json<{ error?: { description: string } }>();
    if (error) throw new Error(`The log was not filled: ${error.description}`);
  }
}
