import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import type { JsMsg } from '@nats-io/jetstream';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Broker } from '../connect.js';
import { NewerEventError } from '../envelope.js';
import type { Permit, Permits } from '../shared-budget.js';
import { ACK_WAIT_MS } from '../topology.js';
import { Delivery, HandBack, Unprocessable } from './delivery.js';
import { Lane } from './lane.js';
import { SUBSCRIPTIONS, type Pattern, type Subscription } from './subscriptions.js';
import { WeightedTurns } from './weighted-turns.js';

export interface TransportOptions {
  readonly broker: Broker;
  /** Messages handled at once, by pattern. Patterns that are not named here handle 32. */
  readonly concurrency?: Partial<Record<Pattern, number>>;
  /** As the consumers were provisioned. Milliseconds. */
  readonly ackWaitMs?: number;
  /** How long running handlers may take to end after {@link JetStreamTransport.close}. Milliseconds. */
  readonly drainMs?: number;
  /**
   * A message is taken from its lane only with a permit in hand, by pattern. One that was delivered before needs none: most
   * likely it only has to be gone on with, and its handler asks for one if not ({@link Delivery.usePermit}).
   */
  readonly permits?: Partial<Record<Pattern, Permits>>;
  readonly observer?: TransportObserver;
}

export interface TransportObserver {
  delivered?(pattern: Pattern, deliveryCount: number): void;
  /** `final`: the message will not come again. */
  failed?(pattern: Pattern, error: Error, final: boolean): void;
  /** A pull failed: the broker is away, for instance. */
  disturbed?(pattern: Pattern, error: Error): void;
}

const DEFAULT_CONCURRENCY = 32;
const DEFAULT_DRAIN_MS = 8_000;

/**
 * Permits in handlers' hands at once: as many as keep a worker busy. Whoever stands behind them stands in the queue, where
 * a burst in one lane does not hold up the others.
 */
export const MAX_PERMITS_OUT = 40;

/** Pause before a message whose handler failed unexpectedly is delivered again: 1 s, doubled up to 30 s. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * JetStream as a transport of Nest microservices: a controller's method is the handler of durable consumers
 * (see {@link Handles}). Acknowledges when the handler has returned, shows signs of life while it runs, serves lanes by
 * weight, never handles more at once than it is allowed to, and gives everything back when the process ends.
 */
export class JetStreamTransport extends Server implements CustomTransportStrategy {
  /** Errors of handlers decide what becomes of a message: they are ours to report. */
  override readonly propagatesEventHandlerErrors = true;
  readonly #pumps: Pump[] = [];

  constructor(private readonly options: TransportOptions) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    for (const [pattern, handler] of this.messageHandlers) {
      if (!(pattern in SUBSCRIPTIONS)) return callback(new Error(`There is no subscription named ${pattern}`));
      this.#pumps.push(new Pump(pattern as Pattern, handler, this.options));
    }
    for (const pump of this.#pumps) pump.start();
    callback();
  }

  /** Stops pulling, gives back what no handler has begun, tells the others to end, and waits for them. */
  async close(): Promise<void> {
    await Promise.all(this.#pumps.map((pump) => pump.stop()));
  }

  /** Messages in handlers' hands. */
  inFlight(pattern: Pattern): number {
    return this.#pumps.find((pump) => pump.pattern === pattern)?.running ?? 0;
  }

  on(): never {
    throw new Error('The JetStream transport has no events of its own: give it an observer');
  }

  unwrap<T>(): T {
    return this.options.broker.connection as T;
  }
}

/** Moves the messages of one subscription from its lanes through its handler. */
class Pump {
  readonly #stopping = new AbortController();
  readonly #lanes: readonly Lane[];
  readonly #turns: WeightedTurns;
  readonly #running = new Map<JsMsg, Promise<void>>();
  readonly #concurrency: number;
  readonly #subscription: Subscription;
  readonly #permits: Permits | undefined;
  /** For the next message, whichever lane's turn it will be: waiting work of one lane never stands before another's. */
  #permit: Permit | undefined;
  /** Messages that were begun with a permit which has not been returned yet. */
  readonly #permitsOut = new Set<JsMsg>();
  #asking = false;
  #pulling: Promise<unknown> = Promise.resolve();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(
    readonly pattern: Pattern,
    private readonly handler: MessageHandler,
    private readonly options: TransportOptions,
  ) {
    this.#subscription = SUBSCRIPTIONS[pattern];
    this.#permits = options.permits?.[pattern];
    this.#concurrency = options.concurrency?.[pattern] ?? DEFAULT_CONCURRENCY;
    this.#turns = new WeightedTurns(this.#subscription.lanes.map((lane) => lane.weight));
    this.#lanes = this.#subscription.lanes.map(
      ({ consumer }) =>
        new Lane(options.broker, this.#subscription.stream, consumer, {
          stopping: this.#stopping.signal,
          freeSlots: () => this.#freeSlots(),
          isDone: (message) => this.#subscription.isDone?.(message) ?? false,
          onMessage: () => this.#fillSlots(),
          onError: (error) => options.observer?.disturbed?.(pattern, error),
        }),
    );
  }

  get running(): number {
    return this.#running.size;
  }

  start(): void {
    this.#pulling = Promise.all(this.#lanes.map((lane) => lane.run()));
    this.#heartbeat = setInterval(() => this.#showLife(), (this.options.ackWaitMs ?? ACK_WAIT_MS) / 3);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new HandBack());
    this.#permit?.giveBack();
    for (const lane of this.#lanes) for (const message of lane.waiting.splice(0)) message.nak();
    await Promise.race([Promise.all([this.#pulling, ...this.#running.values()]), this.#drainTime()]);
    // Whoever did not listen loses the message: it goes to another worker now, not after ack_wait.
    for (const message of this.#running.keys()) message.nak();
    clearInterval(this.#heartbeat);
  }

  #drainTime(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, this.options.drainMs ?? DEFAULT_DRAIN_MS).unref());
  }

  #showLife(): void {
    for (const message of this.#running.keys()) message.working();
    for (const lane of this.#lanes) for (const message of lane.waiting) message.working();
  }

  #fillSlots(): void {
    while (this.#running.size < this.#concurrency && !this.#stopping.signal.aborted) {
      // Turns are only taken when there is one to give: a lane that could not begin would lose what it has saved up.
      if (!this.#lanes.some((each) => this.#mayBegin(each)) && !this.#getPermit()) return;
      const lane = this.#lanes[this.#turns.next((index) => this.#mayBegin(this.#lanes[index]!))];
      const message = lane?.waiting.shift();
      if (!lane || !message) return;
      lane.wake();
      const permit = message.redelivered ? undefined : this.#permit;
      if (permit) {
        this.#permit = undefined;
        this.#permitsOut.add(message);
      }
      const handled = this.#handle(message, permit).finally(() => {
        this.#running.delete(message);
        this.#fillSlots();
        for (const each of this.#lanes) each.wake();
      });
      this.#running.set(message, handled);
    }
  }

  #mayBegin({ waiting: [message] }: Lane): boolean {
    return message !== undefined && (!this.#permits || this.#permit !== undefined || message.redelivered);
  }

  /** What could only wait here is better off in the queue, where everybody sees it. */
  #freeSlots(): number {
    if (this.#asking) return 0;
    const free = this.#concurrency - this.#running.size;
    return this.#permits ? Math.min(free, MAX_PERMITS_OUT) : free;
  }

  /** Whether there is a permit now for a message that waits. If not, it is asked for. */
  #getPermit(): boolean {
    if (!this.#permits || this.#asking || this.#permitsOut.size >= MAX_PERMITS_OUT) return false;
    if (this.#lanes.every(({ waiting }) => waiting.length === 0)) return false;
    this.#permit = this.#permits.takeNow() ?? undefined;
    if (!this.#permit) this.#waitForPermit(this.#permits);
    return this.#permit !== undefined;
  }

  #waitForPermit(permits: Permits): void {
    this.#asking = true;
    void permits
      .take(this.#stopping.signal)
      .then(
        (permit) => {
          if (this.#stopping.signal.aborted) permit.giveBack();
          else this.#permit = permit;
        },
        (error: Error) => {
          if (!this.#stopping.signal.aborted) this.options.observer?.disturbed?.(this.pattern, error);
        },
      )
      .finally(() => {
        this.#asking = false;
        this.#fillSlots();
        for (const each of this.#lanes) each.wake();
      });
  }

  /** Never rejects: every outcome becomes a word to the broker. */
  async #handle(message: JsMsg, permit: Permit | undefined): Promise<void> {
    this.options.observer?.delivered?.(this.pattern, message.info.deliveryCount);
    const tellBroker = await this.#outcomeOf(message, permit);
    // A handler that outlived the drain has nobody left to tell; the message was given back then.
    if (!this.options.broker.connection.isClosed()) tellBroker();
  }

  async #outcomeOf(message: JsMsg, permit: Permit | undefined): Promise<() => void> {
    const returned = (): void => {
      if (this.#permitsOut.delete(message)) this.#fillSlots();
    };
    const delivery = new Delivery(message, this.#stopping.signal, this.#permits, permit, returned);
    try {
      const result: unknown = await this.handler(this.#decode(message), delivery);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
      return () => message.ack();
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      // What fails while the worker ends was most likely cut short by that.
      if (error instanceof HandBack || this.#stopping.signal.aborted) return () => message.nak();
      const final = error instanceof Unprocessable;
      this.options.observer?.failed?.(this.pattern, error, final);
      if (final) return () => message.term(error.message.slice(0, 200));
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (delivery.deliveryCount - 1), LONGEST_PAUSE_MS);
      return () => message.nak(pause);
    } finally {
      delivery.returnPermit();
    }
  }

  #decode(message: JsMsg): unknown {
    try {
      return this.#subscription.decode(message);
    } catch (error) {
      if (error instanceof NewerEventError) throw error;
      throw new Unprocessable(`Message ${message.seq} of ${this.#subscription.stream} is not readable`, {
        cause: error,
      });
    }
  }
}
