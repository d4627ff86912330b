import type { EventType } from '@darkroom/domain';
import { EVENTS_STREAM, generationSubject, typeName, type Broker } from '@darkroom/events';
import { DeliverPolicy, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { until } from './processes.js';

const FAILED = typeName('Failed');

/** Longest time that is waited for what must happen. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Watches the log from outside, past the product. */
export class Follower {
  /** By the events' type, then by their subject: when the broker stored the first such event. */
  readonly #times = new Map<string, Map<string, number>>();
  readonly #ended: Promise<void>;

  private constructor(
    private readonly broker: Broker,
    private readonly messages: ConsumerMessages,
  ) {
    this.#ended = this.#follow();
  }

  static async start(broker: Broker): Promise<Follower> {
    // Of what runs on this machine it is to take as little as it can.
    const watched = { deliver_policy: DeliverPolicy.All, headers_only: true };
    const consumer = await broker.jetstream.consumers.get(EVENTS_STREAM, watched);
    return new Follower(broker, await consumer.consume());
  }

  /** When the broker stored a generation's first event of this type. Milliseconds since 1970. */
  timeOf(type: EventType, generationId: string): number {
    const time = this.#of(type).get(generationSubject(generationId));
    if (time === undefined) throw new Error(`There is no ${type} of generation ${generationId}`);
    return time;
  }

  count(type: EventType): number {
    return this.#of(type).size;
  }

  /** From a generation's first event to the one by which a worker began, of all of them. Milliseconds. */
  waits(): number[] {
    const requested = this.#of('GenerationRequested');
    return [...this.#of('AttemptStarted')].map(([subject, at]) => at - requested.get(subject)!);
  }

  /** Resolves when `count` generations have come to an event of this type. @throws Error when one failed */
  async until(type: EventType, count: number, patienceMs = PATIENCE_MS): Promise<void> {
    const all = until(`${count} × ${type}`, async () => this.count(type) >= count, patienceMs);
    // It ends only when it fails: while it is waited for, nobody stops it.
    await Promise.race([all, this.#ended]);
  }

  async stop(): Promise<void> {
    this.messages.stop();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    for await (const message of this.messages) {
      const type = message.headers?.get('ce-type') ?? '';
      const times = this.#times.get(type) ?? new Map<string, number>();
      this.#times.set(type, times);
      if (!times.has(message.subject)) times.set(message.subject, storedAt(message));
      if (type === FAILED) throw new Error(`A generation failed: ${await this.#text(message.seq)}`);
    }
  }

  async #text(seq: number): Promise<string> {
    return (await this.broker.manager.streams.getMessage(EVENTS_STREAM, { seq }))?.string() ?? '';
  }

  #of(type: EventType): ReadonlyMap<string, number> {
    return this.#times.get(typeName(type)) ?? new Map<string, number>();
  }
}

/** When the broker stored a message. Milliseconds since 1970. */
export function storedAt(message: JsMsg): number {
  return message.info.timestampNanos / 1e6;
}
