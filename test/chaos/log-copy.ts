import { fold, isTerminal, type Generation } from '@darkroom/domain';
import { decode, EVENTS_STREAM, type RecordedEvent } from '@darkroom/events';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 250;
const BATCH = 1_000;

/** A copy of the log that follows it, read message by message past every piece of the product but the envelope. */
export class LogCopy {
  readonly events: RecordedEvent[] = [];
  readonly #histories = new Map<string, RecordedEvent[]>();
  readonly #closing = new AbortController();
  #following: Promise<void> = Promise.resolve();
  /** When the last event was seen here. Milliseconds. */
  lastChange = Date.now();

  private constructor(
    private readonly connection: NatsConnection,
    private readonly manager: JetStreamManager,
  ) {}

  static async of(natsUrl: string): Promise<LogCopy> {
    const connection = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: PAUSE_MS });
    const copy = new LogCopy(connection, await jetstreamManager(connection, { timeout: 2_000 }));
    copy.#following = copy.#follow(copy.#closing.signal);
    return copy;
  }

  /** The history of one generation, oldest event first; empty when there is none. */
  history(generationId: string): readonly RecordedEvent[] {
    return this.#histories.get(generationId) ?? [];
  }

  state(generationId: string): Generation | null {
    return fold(this.history(generationId));
  }

  /** Generations that have not ended. */
  get open(): string[] {
    return [...this.#histories].filter(([, history]) => !isTerminal(fold(history)!.status)).map(([id]) => id);
  }

  /** Reads what has come since. @throws when the broker cannot be asked */
  async refresh(): Promise<void> {
    const { state } = await this.manager.streams.info(EVENTS_STREAM);
    while (this.#position < state.last_seq) {
      const messages = await this.manager.direct.getBatch(EVENTS_STREAM, { seq: this.#position + 1, batch: BATCH });
      const before = this.#position;
      for await (const message of messages) this.#add(decode(message.header, message.data, message.seq));
      if (this.#position === before) throw new Error(`The log has nothing after ${before}`);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#following;
    await this.connection.close();
  }

  get #position(): number {
    return this.events.at(-1)?.position ?? 0;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // The broker is down time and again: what counts is read by `refresh`, which fails for whoever calls it.
      await this.refresh().catch(() => undefined);
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #add(event: RecordedEvent): void {
    if (event.position <= this.#position) return;
    this.events.push(event);
    const history = this.#histories.get(event.generationId);
    if (history) history.push(event);
    else this.#histories.set(event.generationId, [event]);
    this.lastChange = Date.now();
  }
}
