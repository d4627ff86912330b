import { fold } from '@darkroom/domain';
import type { RecordedEvent } from '@darkroom/events';
import { historiesOf, type Evidence, type Violation } from './evidence.js';

const TERMINAL = ['completed', 'failed', 'cancelled'];

/**
 * What clients were told is so: every generation that was accepted is in the log, cancelled ones stay cancelled, redrives
 * are there. Every generation of the log has ended, told of or not.
 */
export function checkPromises({ accepted, log }: Pick<Evidence, 'accepted' | 'log'>): Violation[] {
  const histories = historiesOf(log);
  const broken = accepted.flatMap((promise): Violation[] => {
    const history = histories.get(promise.id);
    const lost = (what: string): Violation[] => [{ invariant: 'lost', generationId: promise.id, what }];
    if (!history) return lost('answered 202, and not in the log');
    if (promise.cancelled && fold(history)?.status !== 'cancelled') return lost('said to be cancelled, and is not');
    const redrives = history.filter(({ type }) => type === 'RetryRequested').length;
    if (redrives < promise.redriven) {
      return lost(`said to be taken up again ${promise.redriven} times, and was ${redrives} times`);
    }
    return [];
  });
  const open = [...histories].flatMap(([generationId, history]): Violation[] => {
    const status = fold(history)?.status ?? 'unknown';
    return TERMINAL.includes(status) ? [] : [{ invariant: 'stuck', generationId, what: `still ${status}` }];
  });
  return [...broken, ...open, ...checkAcceptedOnce(accepted, histories)];
}

/**
 * One request is one generation: metadata names the order that a generation was asked for by, and orders that are sent
 * again carry an idempotency key.
 */
function checkAcceptedOnce(
  accepted: Evidence['accepted'],
  histories: ReadonlyMap<string, readonly RecordedEvent[]>,
): Violation[] {
  const byOrder = new Map<string, string[]>();
  for (const [id, [first]] of histories) {
    if (first?.type !== 'GenerationRequested') continue;
    const order = first.data.metadata['order'];
    if (order !== undefined) byOrder.set(order, [...(byOrder.get(order) ?? []), id]);
  }
  const doubles = [...byOrder].filter(([, ids]) => ids.length > 1);
  const told = new Set(accepted.map(({ id }) => id));
  return doubles.map(([order, ids]) => ({
    invariant: 'doubled',
    generationId: ids.find((id) => !told.has(id)) ?? ids[1]!,
    what: `order ${order} was accepted as ${ids.join(' and ')}`,
  }));
}
