import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/nats-core';
import type { Broker } from '../connect.js';

/** How long one pull waits for messages. Milliseconds. */
const PULL_EXPIRES_MS = 5_000;
/** Most messages asked for at once. */
const MAX_PULL = 64;
/** Pause after a pull that failed: the broker is away, or the consumer is being made anew. Milliseconds. */
const PAUSE_MS = 500;

/**
 * Pulls one durable consumer. At most one message waits here while every slot is taken (so that lanes can be weighed
 * against each other); more are asked for only as far as there are free slots.
 */
export class Lane {
  readonly waiting: JsMsg[] = [];
  readonly #done: JsMsg[] = [];
  #messages: ConsumerMessages | undefined;
  #wake: (() => void) | undefined;

  constructor(
    private readonly broker: Broker,
    private readonly stream: string,
    readonly consumer: string,
    private readonly options: {
      readonly stopping: AbortSignal;
      readonly freeSlots: () => number;
      /** Such a message needs no slot: it is acknowledged here. */
      readonly isDone: (message: JsMsg) => boolean;
      readonly onMessage: () => void;
      readonly onError: (error: Error) => void;
    },
  ) {
    options.stopping.addEventListener('abort', () => {
      this.#drain();
      this.wake();
    });
  }

  /** Says that there may be room again. */
  wake(): void {
    this.#wake?.();
  }

  /** Pulls until told to stop. Never throws: a broker that is away is waited for. */
  async run(): Promise<void> {
    while (!this.options.stopping.aborted) {
      if (this.#room() <= 0) {
        await this.#woken();
        continue;
      }
      try {
        await this.#pull();
      } catch (error) {
        if (this.options.stopping.aborted) return;
        this.options.onError(error instanceof Error ? error : new Error(String(error)));
        await this.#woken(PAUSE_MS);
      }
    }
  }

  /** How many more messages may come: one at least in hand, beyond that only what finds a slot. */
  #room(): number {
    return Math.min(MAX_PULL, Math.max(1, this.options.freeSlots())) - this.waiting.length;
  }

  async #pull(): Promise<void> {
    const consumer = await this.broker.jetstream.consumers.get(this.stream, this.consumer);
    for (let room = this.#room(); room > 0 && !this.options.stopping.aborted; room = this.#room()) {
      this.#messages = await consumer.fetch({ max_messages: room, expires: PULL_EXPIRES_MS });
      if (this.options.stopping.aborted) this.#drain();
      for await (const message of this.#messages) {
        if (this.options.stopping.aborted) message.nak();
        else if (this.options.isDone(message)) this.#acknowledge(message);
        else {
          this.waiting.push(message);
          this.options.onMessage();
        }
      }
    }
  }

  /** Together with those that came with it: each by itself would be a write to the broker. One that is lost comes again. */
  #acknowledge(message: JsMsg): void {
    if (this.#done.push(message) > 1) return;
    setImmediate(() => {
      const done = this.#done.splice(0);
      if (!this.broker.connection.isClosed()) for (const each of done) each.ack();
    });
  }

  /**
   * Ends the pull, and lets through what the broker has already sent, so that it can be given back. The client's stop()
   * would drop that, and it would be nobody's until ack_wait has passed. Its type does not show the subscription.
   */
  #drain(): void {
    const messages: (ConsumerMessages & { readonly sub?: Subscription }) | undefined = this.#messages;
    messages?.sub?.drain().catch(() => messages.stop());
  }

  /** Until somebody calls wake(), or the time is over. */
  #woken(timeoutMs?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : setTimeout(done, timeoutMs);
      this.#wake = done;
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      if (this.options.stopping.aborted) done();
    });
  }
}
