import {
  enter,
  hasEntered,
  isTerminal,
  fold,
  leave,
  mayEnter,
  noSlots,
  settled,
  type Departure,
  type Lane,
  type Slots,
} from '@darkroom/domain';
import {
  scheduledFor,
  type EventStore,
  type RecordedEvent,
  type SlotTable,
  type WaitingLine,
  type WorkQueue,
  type WorkStage,
} from '@darkroom/events';
import { Turns } from './turns.js';

/** A generation that asks to be let into its lane. Its event is GenerationRequested or RetryRequested. */
export interface Arrival {
  readonly event: RecordedEvent;
  readonly lane: Lane;
  /** How many of the user's generations may run at once. */
  readonly limit: number;
}

type Change =
  | { readonly kind: 'arrival'; readonly arrival: Arrival }
  | { readonly kind: 'departure'; readonly departure: Departure }
  | { readonly kind: 'look' };

/** How many users are looked after at once when all of them are. */
const RECONCILE_CONCURRENCY = 8;

/**
 * Keeps to LIMIT_CONCURRENT (docs/adr/0014): a generation takes one of its user's slots before its work is put into the
 * lane, and gives it back when it has ended. Who finds none free waits in the user's own line. Every step may be
 * the last of this process and may be done by several at once: slots change by compare-and-swap, work is put before it
 * leaves the line, and whoever touches the user next finishes what was begun.
 */
export class Admission {
  readonly #turns: Turns<Change>;

  constructor(
    private readonly slots: SlotTable,
    private readonly line: WaitingLine,
    private readonly queue: WorkQueue,
    private readonly store: EventStore,
  ) {
    this.#turns = new Turns((userId, changes) => this.#turn(userId, changes));
  }

  /** Resolves when the generation's work is in its lane, or in its user's line. */
  enter(arrival: Arrival): Promise<void> {
    return this.#turns.take(arrival.event.userId, { kind: 'arrival', arrival });
  }

  /** Gives back the slot of a generation that has ended by this event, if it has one, and lets in who waits for it. */
  leave({ generationId, version, userId }: RecordedEvent): Promise<void> {
    return this.#turns.take(userId, { kind: 'departure', departure: { generationId, version } });
  }

  /** Gives back every slot whose generation has ended, and lets in whoever may enter. Idempotent; may be run at any time. */
  async reconcile(): Promise<void> {
    const users = new Map<string, readonly string[]>();
    for await (const slots of this.slots.users()) users.set(slots.user_id, Object.keys(slots.running));
    for await (const userId of this.line.users()) users.set(userId, users.get(userId) ?? []);
    const all = users.entries();
    await Promise.all(
      Array.from({ length: RECONCILE_CONCURRENCY }, async () => {
        for (const [userId, running] of all) await this.#reconcileUser(userId, running);
      }),
    );
  }

  async #reconcileUser(userId: string, running: readonly string[]): Promise<void> {
    const ended = await Promise.all(running.map((generationId) => this.#ended(generationId)));
    const departures = ended.flat().map((departure) => ({ kind: 'departure', departure }) as const);
    await Promise.all([{ kind: 'look' } as const, ...departures].map((change) => this.#turns.take(userId, change)));
  }

  async #turn(userId: string, changes: readonly Change[]): Promise<void> {
    const arrivals = changes.flatMap((change) => (change.kind === 'arrival' ? [change.arrival] : []));
    const departures = changes.flatMap((change) => (change.kind === 'departure' ? [change.departure] : []));
    const { left, ended } = await this.#enterDirectly(userId, arrivals, departures);
    // One connection: the broker gets them in this order.
    await Promise.all(left.map(({ event, lane }) => this.line.join(event, lane)));
    const frees = ended.length > 0 || arrivals.length < changes.length;
    if (frees || left.length > 0) await this.#serve(userId, ended);
  }

  /** Lets in, in their order, those who find a slot free and nobody waiting. Answers who is left, and who has ended. */
  async #enterDirectly(
    userId: string,
    arrivals: readonly Arrival[],
    departures: readonly Departure[],
  ): Promise<{ left: readonly Arrival[]; ended: readonly Departure[] }> {
    if (arrivals.length === 0) return { left: [], ended: departures };
    for (;;) {
      const { slots: found, revision } = await this.slots.read(userId);
      const freed = leave(found ?? noSlots(userId), departures);
      const known = arrivals.filter(({ event }) => hasEntered(freed, event));
      const fresh = arrivals.filter((arrival) => !known.includes(arrival));
      const admitted = admit(freed, fresh);
      // Whoever waits comes first.
      const goesIn = admitted.entered.length > 0 && (await this.line.isEmpty(userId));
      if (goesIn && !(await this.slots.write(admitted.slots, revision))) continue;
      const { entered, left } = goesIn ? admitted : { entered: [], left: fresh };
      const gone = await Promise.all([...known, ...entered].map(({ event, lane }) => this.#settle(event, lane)));
      return { left, ended: [...departures, ...gone.flat()] };
    }
  }

  /**
   * Frees slots, and gives them to those whose turn it is. Only when there is nothing left to change it ends: a slot that
   * was freed after somebody looked for one, and a generation that joined the line after somebody looked there, are
   * both seen by whoever looks last.
   */
  async #serve(userId: string, departures: readonly Departure[]): Promise<void> {
    let leaving = departures;
    for (;;) {
      const { slots: found, revision } = await this.slots.read(userId);
      const before = found ?? noSlots(userId);
      leaving = [...leaving, ...(await this.#finishEntering(before))];
      const freed = leave(before, leaving);
      const head = await this.line.head(userId);
      const enters = head !== null && mayEnter(freed, head.event, await this.#limitOf(head.event));
      if (!enters && freed === before) return;
      const after = enters ? enter(settled(freed), head.event, head.place) : settled(freed);
      await this.slots.write(after, revision);
    }
  }

  /** The work of those who were let in from the line goes into their lane, then they leave the line. */
  async #finishEntering({ entering }: Slots): Promise<readonly Departure[]> {
    const gone = await Promise.all(
      Object.entries(entering).map(async ([generationId, place]) => {
        const waiting = await this.line.at(place, generationId);
        // Done before; or cancelled between the look at the line and the slot, so that nobody gives the slot back.
        if (!waiting) return this.#ended(generationId);
        const departures = await this.#settle(waiting.event, waiting.lane);
        await this.line.remove(waiting);
        return departures;
      }),
    );
    return gone.flat();
  }

  /**
   * After the slot is taken: puts the work into the lane, unless an attempt has begun since, so that it was there before.
   * The look at the log must come last: an end that is written later gives the slot back itself. Answers the departure
   * of a generation that has ended, or has entered anew, since.
   */
  async #settle(event: RecordedEvent, lane: Lane): Promise<readonly Departure[]> {
    const { generationId } = event;
    const { events } = await this.store.load(generationId);
    const state = fold(events);
    if (!state) throw new Error(`Generation ${generationId} is not in the log`);
    if (isTerminal(state.status)) return [{ generationId, version: state.version }];
    const since = events.filter(({ version }) => version > event.version);
    const again = since.findLast(({ type }) => type === 'RetryRequested');
    if (again) return [{ generationId, version: again.version }];
    if (!since.some(({ type }) => type === 'AttemptStarted')) {
      await this.queue.put(event, stageOf(event), lane, null);
    }
    return [];
  }

  /** The departure of a generation that has ended, as the log says now. */
  async #ended(generationId: string): Promise<readonly Departure[]> {
    const state = fold((await this.store.load(generationId)).events);
    return state && isTerminal(state.status) ? [{ generationId, version: state.version }] : [];
  }

  async #limitOf(event: RecordedEvent): Promise<number | null> {
    const first = event.type === 'GenerationRequested' ? event : (await this.store.load(event.generationId)).events[0];
    return first?.type === 'GenerationRequested' ? first.data.concurrency_limit : null;
  }
}

/** Where a generation goes on that is let in by this event: what was scheduled, beside what is asked for now (docs/adr/0015). */
function stageOf(event: RecordedEvent): WorkStage {
  if (event.type === 'RetryRequested') return event.data.stage;
  return event.type === 'GenerationRequested' && scheduledFor(event) !== null ? 'due' : 'generate';
}

/** The first arrivals, as far as there is room. */
function admit(slots: Slots, arrivals: readonly Arrival[]): { slots: Slots; entered: Arrival[]; left: Arrival[] } {
  const full = arrivals.findIndex(({ event, limit }) => {
    if (!mayEnter(slots, event, limit)) return true;
    slots = enter(slots, event, null);
    return false;
  });
  const count = full < 0 ? arrivals.length : full;
  return { slots, entered: arrivals.slice(0, count), left: arrivals.slice(count) };
}
