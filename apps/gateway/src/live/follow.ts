import { evolve, fold, isTerminal, type Generation } from '@darkroom/domain';
import { EventStoreError, type EventStore, type LoadedStream, type RecordedEvent } from '@darkroom/events';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors/app-error.js';
import type { FoldedStates } from './folded-states.js';
import { MISSED, PROGRESSED, type Subscription } from './subscription.js';

/** Pause before the log is asked again after it could not answer. Milliseconds. */
const RETRY_PAUSE_MS = 500;

/** A generation after an event, or as it is now when `event` is null. */
export interface Moment {
  readonly id: string;
  readonly state: Generation;
  readonly position: number;
  /** Time of the event; null stands for now. */
  readonly time: string | null;
}

export interface FollowOptions {
  /** Events up to here are known; null: begin with the present state. */
  readonly after: number | null;
  readonly store: EventStore;
}

/**
 * The generation after each event, in order, each once: those that `loaded` holds beyond `after`, then those of the
 * subscription, which was made before the loading. Between them, whenever it has come further, as it is, at the position
 * that was told last. Ends once it has told a terminal state that nothing follows.
 * @throws AppError `unavailable`
 */
export async function* followGeneration(
  id: string,
  loaded: LoadedStream,
  subscription: Subscription,
  { after, store }: FollowOptions,
): AsyncGenerator<Moment, void, void> {
  let last: RecordedEvent | null = null;
  let state: Generation | null = null;

  /** What these events add. Versions tell what is known already, wherever an event comes from. */
  function* tell(events: readonly RecordedEvent[], from: number): Generator<Moment> {
    for (const event of events) {
      if (event.version <= (state?.version ?? 0)) continue;
      state = evolve(state, event);
      last = event;
      if (event.position > from) yield { id, state, position: event.position, time: event.time };
    }
  }
  const ended = () => state !== null && isTerminal(state.status);

  try {
    if (after === null) {
      state = fold(loaded.events);
      last = loaded.events.at(-1) ?? null;
      if (state) yield { id, state, position: loaded.position, time: null };
    } else {
      yield* tell(loaded.events, after);
    }
    const from = after ?? 0;
    if (ended()) return;
    for await (const change of subscription) {
      if (change === PROGRESSED) {
        if (state && last) yield { id, state, position: last.position, time: null };
        continue;
      }
      if (change !== MISSED && change.version <= (state?.version ?? 0)) continue;
      if (change !== MISSED && change.version === (state?.version ?? 0) + 1) {
        yield* tell([change], from);
      } else {
        const stream = await insist(subscription, () => loadAgain(store, id, change === MISSED ? 0 : change.version));
        if (!stream) continue;
        assertContinues(stream, last);
        yield* tell(stream.events, from);
      }
      if (ended()) return;
    }
  } finally {
    subscription.end();
  }
}

/**
 * Each generation after each event of the subscription, from its beginning on.
 * @throws AppError `unavailable`, also when events may have been missed: subscribe again, and look
 */
export async function* followEvents(
  subscription: Subscription,
  states: () => FoldedStates,
): AsyncGenerator<Moment, void, void> {
  for await (const change of subscription) {
    if (change === PROGRESSED) continue;
    if (change === MISSED) throw new AppError('unavailable', 'Updates may have been missed; subscribe again');
    const state = await insist(subscription, () => states().after(change));
    if (state) yield { id: change.generationId, state, position: change.position, time: change.time };
  }
}

/** Asks the log until it answers; null when the subscription ends first. The hub decides how long that may take. */
async function insist<T>({ signal }: Subscription, ask: () => Promise<T>): Promise<T | null> {
  while (!signal.aborted) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EventStoreError)) throw error;
      await delay(RETRY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return null;
}

async function loadAgain(store: EventStore, id: string, version: number): Promise<LoadedStream> {
  const stream = await store.load(id);
  if (stream.events.length >= version) return stream;
  throw new EventStoreError('unavailable', 'The log does not show the event yet');
}

/** A log that was put back or replaced may tell another story: positions that were told then mean nothing any more. */
function assertContinues({ events }: LoadedStream, last: RecordedEvent | null): void {
  if (last && events[last.version - 1]?.id !== last.id) {
    throw new AppError('unavailable', 'The event log has been replaced; subscribe again');
  }
}
