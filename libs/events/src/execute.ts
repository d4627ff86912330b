import { decide, evolve, fold, type Command, type Generation, type Rejection } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { EventStoreError, type EventStore, type LoadedStream, type RecordedEvent } from './event-store.js';

/** What became of a command. `event` is null when it had already been carried out. */
export type Outcome =
  | {
      readonly kind: 'done';
      readonly state: Generation;
      readonly position: number;
      readonly event: RecordedEvent | null;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection; readonly state: Generation | null };

export interface CommandRunnerOptions {
  /** Written into every event as its source, e.g. `/darkroom/gateway`. */
  readonly source: string;
  /** Told of every event this process appended, with the state before and after it: metrics hang here. */
  readonly onAppended?: (event: RecordedEvent, before: Generation | null, after: Generation) => void;
  /** Told of every lost race. */
  readonly onConflict?: () => void;
}

const EMPTY: LoadedStream = { events: [], position: 0 };

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
   * @throws EventStoreError `unavailable`, `too_large`, `full`, or `unknown` when the outcome could not be found out
   */
  async execute(generationId: string, command: Command, trace: string | null = null): Promise<Outcome> {
    // A request is nearly always the first event of its generation: try that before asking.
    let stream = command.type === 'Request' ? EMPTY : await this.store.load(generationId);
    let unknown = 0;
    let doubt: EventStoreError | null = null;
    for (let races = 0; ; races++) {
      const before = fold(stream.events);
      const decision = decide(command, before);
      if (decision.kind === 'rejected') return { kind: 'rejected', rejection: decision.rejection, state: before };
      if (decision.kind === 'unchanged') {
        if (!before) throw new Error('A command cannot leave nothing unchanged');
        return { kind: 'done', state: before, position: stream.position, event: null };
      }

      const state = evolve(before, decision.event);
      const event = {
        ...decision.event,
        id: uuidv7(),
        generationId,
        version: state.version,
        source: this.options.source,
        userId: state.request.user_id,
        traceparent: trace ?? stream.events.at(-1)?.traceparent ?? null,
      };
      try {
        const position = await this.store.append(event, stream.position);
        const recorded: RecordedEvent = { ...event, position };
        this.options.onAppended?.(recorded, before, state);
        return { kind: 'done', state, position, event: recorded };
      } catch (error) {
        if (!(error instanceof EventStoreError)) throw error;
        if (error.kind === 'conflict' && races < MAX_RACES) this.options.onConflict?.();
        else if (error.kind === 'unknown' && ++unknown < MAX_UNKNOWN) doubt = error;
        // An append that fails for certain now may have succeeded before.
        else throw doubt ?? error;
        stream = await this.#reload(generationId, doubt);
      }
    }
  }

  async #reload(generationId: string, doubt: EventStoreError | null): Promise<LoadedStream> {
    try {
      return await this.store.load(generationId);
    } catch (error) {
      throw doubt ?? error;
    }
  }
}
