import { Kvm, type KV, type KvWatchEntry } from '@nats-io/kv';
import { setTimeout as delay } from 'node:timers/promises';
import { isWrongLastSequence } from './broker-errors.js';
import { budgetRules, hold, parseBudgetState, reserve, type BudgetRules, type BudgetState } from './budget-rules.js';
import type { Broker } from './connect.js';
import { BUDGETS_BUCKET } from './subjects.js';

/** Longest pause before another try after a lost race, and around a try that failed. Milliseconds. */
const RACE_PAUSE_MS = 20;
const AWAY_PAUSE_MS = 500;
/** Longest time a timer of Node can wait. Milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Leave to make one call. To be used within PERMIT_MS. */
export interface Permit {
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  /** It was not used, and somebody else may. More than once is harmless. */
  giveBack(): void;
}

/** Where permits come from. */
export interface Permits {
  /** One that is at hand; null when it has to be waited for. */
  takeNow(): Permit | null;
  /** Waits for its turn: first come, first served. @throws the reason of `signal` when that aborts */
  take(signal: AbortSignal): Promise<Permit>;
}

export type BudgetName = 'creates' | 'calls';

export interface SharedBudgetOptions {
  readonly perMinute: number;
  /** Told when the bucket cannot be reached: everybody waits until it can. */
  readonly onAway?: (error: Error) => void;
}

/** Permits that this process has reserved; as many of them as `left` are not handed out. */
interface Lease {
  left: number;
  readonly from: number;
  readonly until: number;
}

/** What the key holds. */
interface Known {
  readonly state: BudgetState | null;
  readonly revision: number;
}

interface Waiter {
  readonly settle: (permit: Permit) => void;
}

/**
 * A rate limit that all processes share, through one key in BUDGETS: never more than `perMinute` in any minute over all
 * of them (budget-rules.ts). Each permit is written down before it is used, by compare-and-swap; while the bucket cannot
 * be reached there are none. A process that dies loses what it had reserved, a second's worth at most. Lives as long as
 * its connection.
 */
export class SharedBudget implements Permits {
  readonly #rules: BudgetRules;
  readonly #waiting: Waiter[] = [];
  /** Oldest first; also those that are handed out, as long as they may come back. */
  #leases: Lease[] = [];
  #heldUntil = 0;
  /** As far as we know. Null: to be read. */
  #known: Known | null = null;
  #serving = false;
  #wake: () => void = () => undefined;
  #closed = false;

  private constructor(
    private readonly broker: Broker,
    private readonly bucket: KV,
    private readonly name: BudgetName,
    private readonly options: SharedBudgetOptions,
  ) {
    this.#rules = budgetRules(options.perMinute);
  }

  static async open(broker: Broker, name: BudgetName, options: SharedBudgetOptions): Promise<SharedBudget> {
    const budget = new SharedBudget(broker, await new Kvm(broker.jetstream).open(BUDGETS_BUCKET), name, options);
    await budget.#watch();
    void broker.connection.closed().then(() => budget.#close());
    return budget;
  }

  takeNow(): Permit | null {
    return this.#waiting.length === 0 ? this.#fromLease() : null;
  }

  async take(signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    const permit = this.takeNow();
    if (permit) return permit;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        // Whoever serves may be asleep for nobody.
        this.#wake();
        reject(signal.reason as Error);
      };
      const settle = (given: Permit): void => {
        signal.removeEventListener('abort', leave);
        resolve(given);
      };
      const waiter = { settle };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
      void this.#serve();
    });
  }

  /**
   * Nobody gets a permit before `until` (milliseconds since 1970), in no process; then they come one by one.
   * @throws Error when the bucket cannot be reached; in this process it holds all the same
   */
  async holdUntil(until: number): Promise<void> {
    this.#heldUntil = Math.max(this.#heldUntil, until);
    for (;;) {
      const { state, revision } = this.#known ?? (await this.#read());
      if (state && state.heldUntil >= until) return;
      if (await this.#write(hold(state, this.#rules, until), revision)) return;
    }
  }

  /** With its connection: whoever still waits goes on waiting for its signal. */
  #close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Gives out permits for as long as somebody waits. Never throws. */
  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    while (this.#waiting.length > 0 && !this.#closed) {
      const permit = this.#fromLease();
      const next = this.#leases.find(({ left }) => left > 0);
      if (permit) this.#waiting.shift()!.settle(permit);
      else if (next) await this.#woken(next.from - Date.now());
      else await this.#reserve();
    }
    this.#serving = false;
  }

  /** Drops leases that are too old, or were made before somebody was told to wait. */
  #fromLease(): Permit | null {
    const now = Date.now();
    this.#leases = this.#leases.filter(({ from, until }) => until >= now && from >= this.#heldUntil);
    const lease = this.#leases.find(({ left, from }) => left > 0 && from <= now);
    if (!lease) return null;
    lease.left--;
    return new LeasedPermit(now, () => {
      lease.left++;
      this.#wake();
    });
  }

  async #reserve(): Promise<void> {
    try {
      const { state, revision } = this.#known ?? (await this.#read());
      const reserved = reserve(state, this.#rules, Date.now(), this.#waiting.length);
      if (await this.#write(reserved.state, revision)) {
        const { count, from, until } = reserved.grant;
        this.#leases.push({ left: count, from, until });
      }
    } catch (error) {
      this.options.onAway?.(error instanceof Error ? error : new Error(String(error)));
      await this.#woken(AWAY_PAUSE_MS * (0.5 + Math.random() / 2));
    }
  }

  async #read(): Promise<Known> {
    this.broker.assertConnected();
    const entry = await this.bucket.get(this.name);
    const state = entry?.operation === 'PUT' ? parse(entry.value) : null;
    return this.#learn(state, entry?.revision ?? 0);
  }

  /** False when another process was quicker. */
  async #write(state: BudgetState, revision: number): Promise<boolean> {
    try {
      this.broker.assertConnected();
      // Whatever becomes of it, what we know is old; an answer that is lost costs what was reserved.
      this.#known = null;
      const text = JSON.stringify(state);
      const written =
        revision === 0 ? this.bucket.create(this.name, text) : this.bucket.update(this.name, text, revision);
      this.#learn(state, await written);
      return true;
    } catch (error) {
      if (!isWrongLastSequence(error)) throw error;
      await delay(Math.random() * RACE_PAUSE_MS);
      return false;
    }
  }

  #learn(state: BudgetState | null, revision: number): Known {
    const seen = { state, revision };
    if (!this.#known || revision >= this.#known.revision) this.#known = seen;
    if (state && state.heldUntil > this.#heldUntil) {
      this.#heldUntil = state.heldUntil;
      this.#wake();
    }
    return seen;
  }

  /**
   * So that what one process is told by the other side, all know at once. Without it they would know with the next
   * permits they reserve.
   */
  async #watch(): Promise<void> {
    const follow = async (changes: AsyncIterable<KvWatchEntry>): Promise<void> => {
      for await (const { operation, value, revision } of changes) {
        if (operation === 'PUT') this.#learn(parse(value), revision);
      }
    };
    void follow(await this.bucket.watch({ key: this.name })).catch((error: Error) => this.options.onAway?.(error));
  }

  #woken(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, Math.min(Math.max(timeoutMs, 0), LONGEST_TIMER_MS));
      this.#wake = done;
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
    });
  }
}

class LeasedPermit implements Permit {
  #held = true;

  constructor(
    readonly takenAt: number,
    private readonly back: () => void,
  ) {}

  giveBack(): void {
    if (!this.#held) return;
    this.#held = false;
    this.back();
  }
}

function parse(value: Uint8Array): BudgetState | null {
  try {
    return parseBudgetState(JSON.parse(new TextDecoder().decode(value)));
  } catch {
    return null;
  }
}
