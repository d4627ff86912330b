import { HandBack } from '@darkroom/events';
import { isTerminal, ProviderError, type ImageProvider, type Prediction } from '@darkroom/provider';
import { FEW, isWorthReading, PAGE_SIZE, planLooks, type Awaited } from './plan-looks.js';

export interface WatchOptions {
  /** Calls that waiting may make. The rest of the provider's limit is for everything else. */
  readonly callsPerMinute: number;
  /** How often to look although the provider tells when a prediction has ended, since that can be lost. Null: it does not tell. */
  readonly toldEveryMs: number | null;
}

/** What is known of a prediction that is to be waited for. */
export interface Wanted {
  /** ISO 8601 UTC, by the provider's clock if that is known. */
  readonly createdAt: string;
  /** ISO 8601 UTC: after this it is cancelled, whatever it does. Null: never. */
  readonly deadline: string | null;
  /** Told of the prediction at each look that finds it running. */
  readonly onLook?: (prediction: Prediction) => void;
}

/** How a wait ended: the ended prediction; the provider does not know it (any more); it would not end by its deadline. */
export type Ending = Prediction | 'lost' | 'overdue';

/** Looks at one of few: soon, then ever more slowly. Milliseconds. */
const FIRST_LOOK_MS = 200;
const LONGEST_LOOK_MS = 2_000;
/** The same for one that no list shows, among many. Milliseconds. */
const LONGEST_LOOK_OF_MANY_MS = 5_000;

/** The end of an older prediction may have been told before anybody here waited for it. Milliseconds. */
const YOUNG_MS = 1_000;
/** Predictions whose end was told so shortly before. */
const MOST_TOLD = 1_000;

/** Looks at many fall on the same beat, so that one list serves all of them. Milliseconds. */
const BEAT_MS = 800;

/** How far calls may run ahead of their rate. Milliseconds. */
const BURST_MS = 1_000;

/** How long a prediction is asked for alone that lies too far back in the list. Milliseconds. */
const FAR_BACK_MS = 30_000;

/** The provider's clock and ours may differ by this. Milliseconds. */
const CLOCK_MARGIN_MS = 60_000;

interface Entry extends Awaited {
  readonly id: string;
  createdAt: number;
  dueAt: number;
  asked: Awaited['asked'];
  unlisted: boolean;
  /** Its end was told since the last call for it began. */
  told: boolean;
  /** Not before this it is looked for in the list again. */
  listFrom: number;
  /** Pause before the look after the next one. Milliseconds. */
  wait: number;
  readonly signal: AbortSignal;
  readonly onLook: Wanted['onLook'];
  readonly settle: (ending: Ending) => void;
  readonly fail: (error: Error) => void;
}

/**
 * Waits for all predictions of this process at once. With few in flight each is asked for; with many, pages of the
 * provider's list tell of a hundred at a time. So the number of calls is bounded, however many run. What to ask next is
 * decided by plan-looks.ts.
 */
export class PredictionWatch {
  readonly #entries = new Set<Entry>();
  /** A prediction may be waited for twice: work that was delivered again while its first delivery lasts. */
  readonly #byId = new Map<string, Set<Entry>>();
  readonly #heeded = new WeakSet<AbortSignal>();
  /** Those that nobody waited for when their end was told: whoever comes now looks at once. The oldest first. */
  readonly #told = new Set<string>();
  readonly #msPerCall: number;
  #paidUntil = 0;
  #gets = 0;
  #listing: AbortController | null = null;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;

  constructor(
    private readonly provider: Pick<ImageProvider, 'get' | 'cancel' | 'list'>,
    private readonly options: WatchOptions,
  ) {
    this.#msPerCall = 60_000 / options.callsPerMinute;
  }

  /**
   * Resolves when the prediction has ended, or its deadline has passed and the provider was told to cancel it. Failed
   * calls are repeated until then.
   * @throws HandBack when `signal` aborts; ProviderError when an overdue prediction cannot be cancelled
   */
  ended(id: string, { createdAt, deadline, onLook }: Wanted, signal: AbortSignal): Promise<Ending> {
    if (signal.aborted) return Promise.reject(new HandBack());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        if (!this.#entries.delete(entry)) return;
        entries.delete(entry);
        if (entries.size === 0) this.#byId.delete(id);
        if (this.#entries.size === 0) this.#rest();
      };
      const entries = this.#byId.get(id) ?? new Set();
      this.#byId.set(id, entries);
      const entry: Entry = {
        id,
        createdAt: Date.parse(createdAt),
        dueAt: 0,
        deadline: deadline === null ? Infinity : Date.parse(deadline),
        asked: 'no',
        unlisted: false,
        told: false,
        listFrom: 0,
        wait: FIRST_LOOK_MS,
        signal,
        onLook,
        settle(ending) {
          leave();
          resolve(ending);
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      this.#entries.add(entry);
      entries.add(entry);
      this.#heed(signal);
      this.#lookFirst(entry);
      this.#wakeAt(Math.min(entry.dueAt, entry.deadline));
    });
  }

  /** The provider has told that this prediction has ended: it is looked at now, or by whoever comes to wait for it. */
  look(id: string): void {
    const awaited = this.#byId.get(id);
    for (const entry of awaited ?? []) {
      entry.told = true;
      if (entry.asked === 'alone') continue;
      entry.asked = 'no';
      entry.dueAt = 0;
      this.#wakeAt(0);
    }
    if (awaited) return;
    const [oldest] = this.#told.add(id);
    if (this.#told.size > MOST_TOLD && oldest !== undefined) this.#told.delete(oldest);
  }

  /** One listener for all who share a signal: a signal goes through all that it has whenever one is added. */
  #heed(signal: AbortSignal): void {
    if (this.#heeded.has(signal)) return;
    this.#heeded.add(signal);
    const abort = (): void => {
      for (const entry of this.#entries) if (entry.signal === signal) entry.fail(new HandBack());
    };
    signal.addEventListener('abort', abort, { once: true });
  }

  #wakeAt(time: number): void {
    if (time >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = time;
    this.#timer = setTimeout(() => this.#turn(), Math.max(0, time - Date.now()));
  }

  /** Nobody waits any more. */
  #rest(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Infinity;
    this.#listing?.abort();
  }

  #turn(): void {
    this.#timerAt = Infinity;
    const plan = planLooks(this.#entries, Date.now(), {
      gets: this.#gets,
      listing: this.#listing !== null,
      callsFrom: this.#paidUntil - BURST_MS,
    });
    for (const entry of plan.overdue) void this.#ask(entry, true);
    for (const entry of plan.alone) void this.#ask(entry, false);
    if (plan.listed.length > 0) void this.#list(plan.listed);
    if (plan.nextAt < Infinity && this.#entries.size > 0) this.#wakeAt(plan.nextAt);
  }

  async #ask(entry: Entry, overdue: boolean): Promise<void> {
    const { id, signal } = entry;
    entry.asked = 'alone';
    entry.told = false;
    this.#gets++;
    this.#pay();
    try {
      // The provider should have ended it by itself. Whatever it says, there is an end to waiting.
      const seen = await (overdue ? this.provider.cancel(id, { signal }) : this.provider.get(id, { signal }));
      if (!this.#entries.has(entry)) return;
      if (this.#hasEnded(entry, seen)) return;
      if (overdue) entry.settle('overdue');
      if (Date.now() >= entry.listFrom) entry.unlisted = false;
    } catch (error) {
      if (!this.#entries.has(entry)) return;
      if (!(error instanceof ProviderError) || (overdue && error.kind !== 'not_found')) entry.fail(error as Error);
      else if (error.kind === 'not_found') entry.settle('lost');
    } finally {
      this.#gets--;
      entry.asked = 'no';
      if (this.#entries.has(entry)) this.#lookLater(entry);
      if (this.#entries.size > 0) this.#wakeAt(0);
    }
  }

  /** Reads the provider's list, newest first, for as long as that costs less than asking for the rest one by one. */
  async #list(wanted: readonly Entry[]): Promise<void> {
    const listing = new AbortController();
    this.#listing = listing;
    for (const entry of wanted) {
      entry.asked = 'list';
      entry.told = false;
    }
    const missing = new Set([...wanted].sort((a, b) => b.createdAt - a.createdAt));
    const begun = Date.now();
    const oldest = wanted.reduce((time, { createdAt }) => Math.min(time, createdAt), begun);
    const since = new Date(oldest - CLOCK_MARGIN_MS).toISOString();
    let reached = -Infinity;
    let read = 0;
    try {
      this.#pay();
      for await (const prediction of this.provider.list(since, { signal: listing.signal })) {
        for (const entry of this.#byId.get(prediction.id) ?? []) {
          missing.delete(entry);
          if (!this.#entries.has(entry) || entry.asked === 'alone' || this.#hasEnded(entry, prediction)) continue;
          entry.unlisted = false;
          this.#lookLater(entry);
        }
        // The next one would be on another page.
        if (++read % PAGE_SIZE > 0) continue;
        reached = Date.parse(prediction.createdAt);
        const msPerPage = Math.max(1, ((begun - reached) * PAGE_SIZE) / read);
        if (!isWorthReading(timesOf(missing), reached, msPerPage)) break;
        this.#pay();
      }
      // Too far back, or not in the list yet: each is asked for before it is called lost.
      for (const entry of missing) {
        entry.unlisted = true;
        entry.dueAt = 0;
        if (entry.createdAt < reached) entry.listFrom = begun + FAR_BACK_MS;
      }
    } catch (error) {
      for (const entry of missing) {
        if (error instanceof ProviderError) this.#lookLater(entry);
        else if (this.#entries.has(entry)) entry.fail(error as Error);
      }
    } finally {
      this.#listing = null;
      for (const entry of wanted) if (entry.asked === 'list') entry.asked = 'no';
      if (this.#entries.size > 0) this.#wakeAt(0);
    }
  }

  #hasEnded(entry: Entry, seen: Prediction): boolean {
    if (isTerminal(seen.status)) {
      entry.settle(seen);
      return true;
    }
    entry.createdAt = Date.parse(seen.createdAt);
    entry.onLook?.(seen);
    return false;
  }

  #lookFirst(entry: Entry): void {
    const isOld = Date.now() - entry.createdAt > YOUNG_MS;
    entry.told = this.#told.delete(entry.id) || (this.options.toldEveryMs !== null && isOld);
    this.#lookLater(entry);
  }

  #lookLater(entry: Entry): void {
    const now = Date.now();
    const many = this.#entries.size > FEW;
    if (entry.told) {
      entry.dueAt = now;
      return;
    }
    if (this.options.toldEveryMs !== null) entry.dueAt = now + this.options.toldEveryMs;
    else if (!many || entry.unlisted) {
      entry.dueAt = now + entry.wait;
      entry.wait = Math.min(entry.wait * 1.4, many ? LONGEST_LOOK_OF_MANY_MS : LONGEST_LOOK_MS);
    } else entry.dueAt = now;
    if (many) entry.dueAt = (Math.floor(entry.dueAt / BEAT_MS) + 1) * BEAT_MS;
  }

  #pay(): void {
    this.#paidUntil = Math.max(this.#paidUntil, Date.now()) + this.#msPerCall;
  }
}

function* timesOf(entries: Iterable<Entry>): Generator<number> {
  for (const { createdAt } of entries) yield createdAt;
}
