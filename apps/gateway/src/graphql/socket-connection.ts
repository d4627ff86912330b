import { continueTrace, parseTraceparent, withLogContext } from '@darkroom/observability';
import { Logger } from '@nestjs/common';
import type { Server } from 'graphql-ws';
import type { IncomingHttpHeaders } from 'node:http';
import type { WebSocket } from 'ws';
import type { Principal } from '../application/principal.js';
import { requestIdOf } from '../http/request-id.js';
import type { StreamTiming } from '../live/event-stream.js';

/** Bytes that may wait for a client to read them: a view with long texts for each of its subscriptions. */
const MOST_BUFFERED = 8 * 1024 * 1024;

/** One WebSocket: what it is known by, and how it is kept from holding on to memory that nobody reads. */
export class SocketConnection {
  readonly requestId: string;
  /** W3C traceparent, within the caller's trace if it sent one. */
  readonly trace: string;
  /** Who the connection belongs to; null until it is admitted. */
  principal: Principal | null = null;

  readonly #logger = new Logger('Http');
  readonly #closed = new AbortController();
  readonly #opened = performance.now();

  constructor(
    private readonly socket: WebSocket,
    headers: IncomingHttpHeaders,
    private readonly timing: StreamTiming,
  ) {
    const { traceparent } = headers;
    this.requestId = requestIdOf(headers);
    this.trace = continueTrace(typeof traceparent === 'string' ? traceparent : null);
  }

  /** Aborts when the connection has ended. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(code: number, reason: string): void {
    this.socket.close(code, reason);
  }

  /** Hands messages to the protocol until the connection ends; `onFailure` hears of what the protocol did not expect. */
  serve(protocol: Server<SocketConnection>, onFailure: (error: unknown) => void): void {
    const { socket } = this;
    const fail = (error: unknown): void => {
      // What cannot be sent to a client that has gone is no failure.
      if (socket.readyState === socket.OPEN) this.#logged(() => onFailure(error));
    };
    const ended = protocol.opened(
      {
        protocol: socket.protocol,
        send: (text) => this.#send(text),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (handle) =>
          socket.on('message', (data: Buffer) => {
            this.#limitBuffer();
            // A connection that is being closed carries out nothing more.
            if (socket.readyState !== socket.OPEN) return;
            void this.#logged(() => handle(data.toString())).catch(fail);
          }),
      },
      this,
    );
    // A broken connection ends; how, 'close' tells.
    socket.on('error', () => undefined);
    socket.on('ping', () => this.#limitBuffer());
    const stopPings = this.#keepAlive();
    socket.once('close', (code, reason) => {
      stopPings();
      this.#closed.abort();
      const duration_ms = Math.round(performance.now() - this.#opened);
      this.#logged(() => this.#logger.log({ close_code: code, duration_ms }, 'WebSocket closed'));
      void ended(code, reason.toString());
    });
  }

  /** Resolves when the text has left for the client, so that nothing is made for a client that does not read. */
  #send(text: string): Promise<void> {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // As bytes, because a text that waits is counted by its characters.
      socket.send(Buffer.from(text), { binary: false }, (error) => (error ? reject(error) : resolve()));
      this.#limitBuffer();
    });
  }

  #limitBuffer(): void {
    if (this.socket.bufferedAmount > MOST_BUFFERED) this.socket.terminate();
  }

  /** Who answers no ping is gone, or does not read. */
  #keepAlive(): () => void {
    let heard = performance.now();
    this.socket.on('pong', () => (heard = performance.now()));
    const timer = setInterval(() => {
      if (performance.now() - heard >= this.timing.stallMs) this.socket.terminate();
      else this.socket.ping();
    }, this.timing.heartbeatMs);
    return () => clearInterval(timer);
  }

  #logged<T>(work: () => T): T {
    return withLogContext({ request_id: this.requestId, trace_id: parseTraceparent(this.trace)?.traceId }, work);
  }
}
