import { decide, evolve, fold, type Command, type Decision, type Generation, type Rejection } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { EventStoreError, type EventStore, type Position, type RecordedEvent } from './event-store.js';

/** A generation as its events up to a position make it. */
export interface Snapshot {
  readonly state: Generation | null;
  /** Of its last event; 0 when it has none. */
  readonly position: Position;
  /** W3C trace context of that event: the next one belongs to the same trace. */
  readonly traceparent: string | null;
}

/** All events of one generation, folded. */
export function snapshotOf(events: readonly RecordedEvent[]): Snapshot {
  const last = events.at(-1);
  return { state: fold(events), position: last?.position ?? 0, traceparent: last?.traceparent ?? null };
}

/** What became of a command. `event` is null when it had already been carried out. */
export type Outcome =
  | (Snapshot & {
      readonly kind: 'done';
      readonly state: Generation;
      readonly event: RecordedEvent | null;
    })
  | { readonly kind: 'rejected'; readonly rejection: Rejection; readonly state: Generation | null };

export interface CommandRunnerOptions {
  /** Written into every event as its source, e.g. `/darkroom/gateway`. */
  readonly source: string;
  /** Told of every event this process appended, with the state before and after it: metrics hang here. */
  readonly onAppended?: (event: RecordedEvent, before: Generation | null, after: Generation) => void;
  /** Told of every lost race. */
  readonly onConflict?: () => void;
}

const NOTHING = snapshotOf([]);

/** More lost races in a row than any fair number of writers to one generation explains. */
const MAX_RACES = 100;
/** How often an append of unknown outcome is looked up and tried again before the caller is told. */
const MAX_UNKNOWN = 3;

/** Load, decide, append: carries out commands against the log, whatever happens to the answers. */
export class CommandRunner {
  constructor(
    private readonly store: EventStore,
    private readonly options: CommandRunnerOptions,
  ) {}

  /**
   * Carries out a command exactly once, by its command id: a lost answer, a lost race and a repetition all end in the
   * state that one execution gives.
   * @param trace W3C traceparent of the request behind the command
   * @param known how the generation was when the caller last saw it, which spares a look at the log. It may be out of
   * date: the append then loses, and nothing is answered before the log was looked at.
   * @throws EventStoreError `unavailable`, `too_large`, `full`, or `unknown` when the outcome could not be found out
   */
  async execute(
    generationId: string,
    command: Command,
    trace: string | null = null,
    known?: Snapshot,
  ): Promise<Outcome> {
    // A request is nearly always the first event of its generation: try that before asking.
    const assumed = known ?? (command.type === 'Request' ? NOTHING : null);
    let isCurrent = assumed === null;
    let before = assumed ?? (await this.#load(generationId));
    let unknown = 0;
    let doubt: EventStoreError | null = null;
    for (let races = 0; ; races++) {
      const decision = decide(command, before.state);
      if (decision.kind !== 'event') {
        if (isCurrent) return this.#unwritten(decision, before);
        before = await this.#load(generationId);
        isCurrent = true;
        continue;
      }

      const state = evolve(before.state, decision.event);
      const event = {
        ...decision.event,
        id: uuidv7(),
        generationId,
        version: state.version,
        source: this.options.source,
        userId: state.request.user_id,
        traceparent: trace ?? before.traceparent,
      };
      try {
        const position = await this.store.append(event, before.position);
        const recorded: RecordedEvent = { ...event, position };
        this.options.onAppended?.(recorded, before.state, state);
        return { kind: 'done', state, position, traceparent: event.traceparent, event: recorded };
      } catch (error) {
        if (!(error instanceof EventStoreError)) throw error;
        if (error.kind === 'conflict' && races < MAX_RACES) this.options.onConflict?.();
        else if (error.kind === 'unknown' && ++unknown < MAX_UNKNOWN) doubt = error;
        // An append that fails for certain now may have succeeded before.
        else throw doubt ?? error;
        before = await this.#reload(generationId, doubt);
        isCurrent = true;
      }
    }
  }

  #unwritten(decision: Exclude<Decision, { kind: 'event' }>, { state, ...at }: Snapshot): Outcome {
    if (decision.kind === 'rejected') return { kind: 'rejected', rejection: decision.rejection, state };
    if (!state) throw new Error('A command cannot leave nothing unchanged');
    return { kind: 'done', state, ...at, event: null };
  }

  async #load(generationId: string): Promise<Snapshot> {
    return snapshotOf((await this.store.load(generationId)).events);
  }

  async #reload(generationId: string, doubt: EventStoreError | null): Promise<Snapshot> {
    try {
      return await this.#load(generationId);
    } catch (error) {
      throw doubt ?? error;
    }
  }
}
