import type { Evidence, Violation } from './evidence.js';

/** Nothing is left to be done: no work, no schedule, nothing that a consumer holds or has not seen. */
export function checkQueues({ queues }: Pick<Evidence, 'queues'>): Violation[] {
  const left = (generationId: string | null, what: string): Violation => ({ invariant: 'queues', generationId, what });
  const waiting = Object.entries(queues.waiting).map(([subject, messages]) =>
    left(/^(?:work|schedule)\./.test(subject) ? (subject.split('.').at(-1) ?? null) : null, `${messages} × ${subject}`),
  );
  const held = Object.entries(queues.consumers)
    .filter(([, { unacknowledged, pending }]) => unacknowledged + pending > 0)
    .map(([name, { unacknowledged, pending }]) =>
      left(null, `${name}: ${unacknowledged} not acknowledged, ${pending} not delivered`),
    );
  return [...waiting, ...held];
}
