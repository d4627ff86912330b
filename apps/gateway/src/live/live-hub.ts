import { EventStoreError, type LogReader, type RecordedEvent } from '@darkroom/events';
import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';

/** Pause before the log is read again after it could not be. Milliseconds. */
const RETRY_PAUSE_MS = 500;

/**
 * Follows the log from its end, once for the whole gateway, and tells whoever waits for a generation that it changed.
 * Anything but a tight race is told once; where events may have been missed (the first start, another log), everybody
 * is told, and has to look.
 */
export class LiveHub {
  readonly #logger = new Logger('LiveHub');
  readonly #closing = new AbortController();
  readonly #waiting = new Map<string, Set<(changed: boolean) => void>>();
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly reader: LogReader) {}

  /** Never throws; call once. */
  start(): void {
    this.#running = this.#run();
  }

  /**
   * Resolves true at the next event of the generation, or when one may have been missed; false when `signal` aborts or
   * the hub closes. It listens from the moment of the call: call it before what causes the event.
   */
  change(generationId: string, signal: AbortSignal): Promise<boolean> {
    const closed = AbortSignal.any([signal, this.#closing.signal]);
    if (closed.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(generationId) ?? new Set();
      const settle = (changed: boolean): void => {
        closed.removeEventListener('abort', stop);
        waiting.delete(settle);
        if (waiting.size === 0 && this.#waiting.get(generationId) === waiting) this.#waiting.delete(generationId);
        resolve(changed);
      };
      const stop = (): void => settle(false);
      closed.addEventListener('abort', stop, { once: true });
      this.#waiting.set(generationId, waiting.add(settle));
    });
  }

  /** Ends every wait at once. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let logId: string | null = null;
    let position = 0;
    while (!signal.aborted) {
      try {
        const log = await this.reader.identify();
        if (log.id !== logId || log.last < position) {
          logId = log.id;
          position = log.last;
          this.#tellAll();
        }
        for await (const batch of this.reader.read(position, { signal })) {
          for (const event of batch) this.#tell(event);
          position = batch.at(-1)?.position ?? position;
        }
      } catch (error) {
        if (!(error instanceof EventStoreError)) this.#logger.error({ err: error }, 'The log cannot be followed');
        await delay(RETRY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #tell(event: RecordedEvent): void {
    for (const settle of [...(this.#waiting.get(event.generationId) ?? [])]) settle(true);
  }

  #tellAll(): void {
    for (const settle of [...this.#waiting.values()].flatMap((waiting) => [...waiting])) settle(true);
  }
}
