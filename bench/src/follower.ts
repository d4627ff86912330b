import { EVENTS_STREAM, typeName, type Broker } from '@darkroom/events';
import { DeliverPolicy, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { until } from './processes.js';

const COMPLETED = typeName('Downloaded');
const FAILED = typeName('Failed');

/** Longest time for which nothing may be completed while something is waited for. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Watches the log from outside, past the product. */
export class Follower {
  completed = 0;
  readonly #requestedAt = new Map<string, number>();
  readonly #startedAt = new Map<string, number>();
  readonly #ended: Promise<void>;

  private constructor(private readonly messages: ConsumerMessages) {
    this.#ended = this.#follow();
  }

  static async start(broker: Broker): Promise<Follower> {
    const consumer = await broker.jetstream.consumers.get(EVENTS_STREAM, { deliver_policy: DeliverPolicy.All });
    return new Follower(await consumer.consume());
  }

  /** From a generation's first event to its second, in which a worker began: by the broker's clock. Milliseconds. */
  waits(): number[] {
    return [...this.#startedAt].map(([subject, at]) => at - this.#requestedAt.get(subject)!);
  }

  /** Resolves when `count` generations have been completed. @throws Error when one failed */
  async untilCompleted(count: number): Promise<void> {
    const all = until(`${count} generations`, async () => this.completed >= count, PATIENCE_MS);
    // It ends only when it fails: while it is waited for, nobody stops it.
    await Promise.race([all, this.#ended]);
  }

  async stop(): Promise<void> {
    this.messages.stop();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    for await (const message of this.messages) {
      const seen = this.#requestedAt.has(message.subject) ? this.#startedAt : this.#requestedAt;
      if (!seen.has(message.subject)) seen.set(message.subject, storedAt(message));
      const type = message.headers?.get('ce-type');
      if (type === COMPLETED) this.completed++;
      if (type === FAILED) throw new Error(`A generation failed: ${message.string()}`);
    }
  }
}

/** When the broker stored a message. Milliseconds since 1970. */
export function storedAt(message: JsMsg): number {
  return message.info.timestampNanos / 1e6;
}
