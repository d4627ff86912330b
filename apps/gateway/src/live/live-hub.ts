import type { EventType, Generation } from '@darkroom/domain';
import {
  EventStoreError,
  type EventStore,
  type LogReader,
  type Position,
  type ProgressNews,
  type RecordedEvent,
} from '@darkroom/events';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../errors/app-error.js';
import { FoldedStates } from './folded-states.js';
import { LatestProgress } from './latest-progress.js';
import { MISSED, PROGRESSED, Subscription, type Change } from './subscription.js';

/** Pause before the log is read again after it could not be. Milliseconds. */
const RETRY_PAUSE_MS = 500;

/** The same, until it was read for the first time: a start should not wait. Milliseconds. */
const FIRST_PAUSE_MS = 100;

/** A reading that lasted this long went well: what ends it begins a new outage. Milliseconds. */
const STEADY_MS = 5_000;

/** Events that are handed out before subscribers get a turn: much less than any of them may have waiting. */
const MOST_AT_ONCE = 100;

/** After these there is no progress. */
const ENDS: ReadonlySet<EventType> = new Set<EventType>(['Downloaded', 'Failed', 'Cancelled']);

/** Whose events a subscriber wants: those of a generation, of a user, or all. */
export type Interest = { readonly generationId: string } | { readonly userId: string } | 'everything';

export interface LiveHubOptions {
  /** Events that may wait for one subscriber. Default 1,000. */
  readonly capacity?: number;
  /** How long the log may be away before subscribers are told so. Milliseconds, default one minute. */
  readonly patienceMs?: number;
  /** Hears the number of subscribers whenever it changes. */
  readonly onSubscribers?: (count: number) => void;
}

/**
 * Follows the log from its end, once for the whole gateway, and hands each event to whoever subscribed to it. A lost
 * connection is no gap: it reads on where it was. Where events may have been missed (the first start, another log),
 * everybody is handed {@link MISSED}. A subscriber that falls behind is cut; the others do not notice.
 */
export class LiveHub {
  readonly #logger = new Logger('LiveHub');
  readonly #closing = new AbortController();
  readonly #subscriptions = new Map<string, Set<Subscription>>();
  readonly #progress = new LatestProgress();
  readonly #options: Required<LiveHubOptions>;
  #states: FoldedStates;
  #count = 0;
  #following = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: { readonly reader: LogReader; readonly store: EventStore },
    { capacity = 1_000, patienceMs = 60_000, onSubscribers = () => undefined }: LiveHubOptions = {},
  ) {
    this.#options = { capacity, patienceMs, onSubscribers };
    this.#states = new FoldedStates(log.store);
  }

  /** Never throws; call once. */
  start(): void {
    this.#running = this.#run();
  }

  /**
   * Collects events from the moment of the call: subscribe first, then look at the log, and nothing is missed. It ends
   * when `signal` aborts or the hub closes, and with an AppError `unavailable` when the subscriber falls behind or the
   * log cannot be read for long.
   * @param progress whether to collect {@link PROGRESSED}, too
   */
  subscribe(interest: Interest, signal: AbortSignal, progress = false): Subscription {
    const subscription = new Subscription(this.#options.capacity, progress);
    if (signal.aborted || this.#closing.signal.aborted) {
      subscription.end();
      return subscription;
    }
    const key = keyOf(interest);
    const others = this.#subscriptions.get(key) ?? new Set();
    this.#subscriptions.set(key, others.add(subscription));
    this.#options.onSubscribers(++this.#count);
    const end = (): void => subscription.end();
    signal.addEventListener('abort', end, { once: true });
    subscription.signal.addEventListener('abort', () => {
      signal.removeEventListener('abort', end);
      others.delete(subscription);
      if (others.size === 0) this.#subscriptions.delete(key);
      this.#options.onSubscribers(--this.#count);
    });
    return subscription;
  }

  /**
   * Position of the last event in the log.
   * @throws EventStoreError `unavailable`
   */
  async lastPosition(): Promise<Position> {
    return (await this.log.reader.identify()).last;
  }

  /**
   * Resolves when the log answers and events are handed out: whoever subscribes then misses none.
   * @throws EventStoreError `unavailable`
   */
  async check(): Promise<void> {
    await this.log.reader.identify();
    if (!this.#following) throw new EventStoreError('unavailable', 'The log is not followed yet');
  }

  /** An attempt has come further. Whoever follows its generation is told so. */
  hear(news: ProgressNews): void {
    if (!this.#progress.hear(news)) return;
    for (const subscription of this.#subscriptions.get(keyOf(news)) ?? []) subscription.push(PROGRESSED);
  }

  /** Per cent, as far as it was heard of the attempt that the generation has in hand. */
  progressOf(generationId: string, state: Generation): number | undefined {
    return this.#progress.of(generationId, state);
  }

  /** States of generations after events that were handed out. */
  get states(): FoldedStates {
    return this.#states;
  }

  /** Ends every subscription at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const subscription of this.#all()) subscription.end();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let logId: string | null = null;
    let position: Position = 0;
    let failingSince: number | null = null;
    while (!signal.aborted) {
      let readingSince = Infinity;
      try {
        const log = await this.log.reader.identify();
        readingSince = performance.now();
        if (log.id !== logId || log.last < position || log.first > position + 1) {
          logId = log.id;
          position = log.last;
          this.#states = new FoldedStates(this.log.store);
          this.#push(this.#all(), MISSED);
          this.#following = true;
        }
        for await (const batch of this.log.reader.read(position, { signal, maxBatch: MOST_AT_ONCE })) {
          for (const event of batch) {
            if (ENDS.has(event.type)) this.#progress.forget(event.generationId);
            this.#push(this.#interestedIn(event), event);
          }
          position = batch.at(-1)?.position ?? position;
          failingSince = null;
        }
      } catch (error) {
        if (!(error instanceof EventStoreError)) this.#logger.error({ err: error }, 'The log cannot be followed');
        const now = performance.now();
        if (failingSince === null || now - readingSince >= STEADY_MS) failingSince = now;
        if (now - failingSince >= this.#options.patienceMs) this.#cutAll(error);
        await delay(this.#following ? RETRY_PAUSE_MS : FIRST_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #push(subscriptions: Iterable<Subscription>, change: Change): void {
    for (const subscription of subscriptions) subscription.push(change);
  }

  #cutAll(cause: unknown): void {
    const error = new AppError('unavailable', 'The event log is not available; subscribe again', { cause });
    for (const subscription of this.#all()) subscription.end(error);
  }

  #interestedIn({ generationId, userId }: RecordedEvent): Subscription[] {
    const keys = [keyOf({ generationId }), keyOf({ userId }), keyOf('everything')];
    return keys.flatMap((key) => [...(this.#subscriptions.get(key) ?? [])]);
  }

  #all(): Subscription[] {
    return [...this.#subscriptions.values()].flatMap((subscriptions) => [...subscriptions]);
  }
}

function keyOf(interest: Interest): string {
  if (interest === 'everything') return interest;
  return 'userId' in interest ? `user:${interest.userId}` : `generation:${interest.generationId}`;
}
