import { evolve, fold, type Generation } from '@darkroom/domain';
import { EventStoreError, type EventStore, type RecordedEvent } from '@darkroom/events';

/** Generations whose latest state is kept; of others it is loaded again. */
const MOST_KEPT = 1_000;

/**
 * States after events that the hub hands out, folded once for all subscribers. Nothing is loaded for events that
 * nobody asks about.
 */
export class FoldedStates {
  readonly #ofEvents = new WeakMap<RecordedEvent, Promise<Generation>>();
  /** By generation, the least recently used first. */
  readonly #latest = new Map<string, Generation>();

  constructor(private readonly store: EventStore) {}

  /**
   * The generation as it was after this event.
   * @throws EventStoreError `unavailable`; ask again
   */
  after(event: RecordedEvent): Promise<Generation> {
    const known = this.#ofEvents.get(event);
    if (known) return known;
    const state = this.#fold(event);
    this.#ofEvents.set(event, state);
    state.catch(() => this.#ofEvents.delete(event));
    return state;
  }

  async #fold(event: RecordedEvent): Promise<Generation> {
    const before = this.#latest.get(event.generationId);
    const state =
      event.version === 1 || before?.version === event.version - 1
        ? evolve(before ?? null, event)
        : await this.#load(event);
    if (!before || before.version < state.version) this.#keep(event.generationId, state);
    return state;
  }

  async #load({ generationId, version }: RecordedEvent): Promise<Generation> {
    const { events } = await this.store.load(generationId);
    const state = fold(events.slice(0, version));
    if (state?.version === version) return state;
    throw new EventStoreError('unavailable', 'The log does not show the event yet');
  }

  #keep(generationId: string, state: Generation): void {
    this.#latest.delete(generationId);
    this.#latest.set(generationId, state);
    const [oldest] = this.#latest.keys();
    if (this.#latest.size > MOST_KEPT && oldest !== undefined) this.#latest.delete(oldest);
  }
}
