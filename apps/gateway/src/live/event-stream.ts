import type { GenerationView } from '@darkroom/domain';
import { Readable } from 'node:stream';

/** How long a client should wait before it connects again. Milliseconds. */
const RETRY_MS = 2_000;

/** Bytes that may wait here; as much again waits in the response. */
const HIGH_WATER_MARK = 64 * 1024;

/** Milliseconds. */
export interface StreamTiming {
  /** A comment goes out this often, so that nobody on the way takes the connection for dead. */
  readonly heartbeatMs: number;
  /** A client that takes nothing for this long is dropped. */
  readonly stallMs: number;
}

export const STREAM_TIMING: StreamTiming = { heartbeatMs: 15_000, stallMs: 30_000 };

/**
 * Generations as Server-Sent Events (WHATWG HTML, section 9.2): `id` is the position, `data` the generation as JSON. What
 * is told again at the position that is known, because it has come further, has no id: it cannot be resumed at. Ends with its
 * source; fails with it, or when it is not read, which breaks the connection off: the client comes back with
 * the last id that it saw.
 */
export class EventStream extends Readable {
  readonly #heartbeat: NodeJS.Timeout;
  readonly #stallMs: number;
  #stalled: NodeJS.Timeout | undefined;
  #taken = (): void => undefined;

  /**
   * @param told the position that the client knows already
   * @param signal destroys the stream
   */
  constructor(
    source: AsyncIterable<GenerationView>,
    told: number | null,
    { heartbeatMs, stallMs }: StreamTiming,
    signal: AbortSignal,
  ) {
    super({ highWaterMark: HIGH_WATER_MARK, signal });
    this.#stallMs = stallMs;
    // The first bytes bring the headers on their way.
    this.push(`retry: ${RETRY_MS}\n\n`);
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs);
    void this.#pump(source, told);
  }

  override _read(): void {
    clearTimeout(this.#stalled);
    this.#taken();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stalled);
    this.#taken();
    callback(error);
  }

  async #pump(source: AsyncIterable<GenerationView>, told: number | null): Promise<void> {
    try {
      for await (const view of source) {
        if (this.destroyed) return;
        const id = view.position === told ? '' : `id: ${view.position}\n`;
        told = view.position;
        const message = `${id}event: generation\ndata: ${JSON.stringify(view)}\n\n`;
        if (!this.push(message)) await this.#untilTaken();
      }
      this.push(null);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #untilTaken(): Promise<void> {
    this.#stalled = setTimeout(() => this.destroy(new Error('The client does not read its events')), this.#stallMs);
    return new Promise((resolve) => (this.#taken = resolve));
  }

  #beat(): void {
    if (this.readableLength === 0 && !this.readableEnded) this.push(':\n\n');
  }
}
