import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What stands between two processes, and can keep them apart. */
export class Proxy {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #mode: 'open' | 'refusing' | 'hanging' = 'open';

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {}

  /** Listens on a free port of 127.0.0.1 and passes all on to `target` there. */
  static async to(target: number): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new Proxy(server, target);
    server.on('connection', (socket) => proxy.#pass(socket));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The same address, but through here. */
  through(url: string): string {
    const through = new URL(url);
    through.port = String(this.port);
    return through.href.replace(/\/$/, '');
  }

  /** Resets every connection; new ones are taken. Answers how many there were. */
  cut(): number {
    const cut = this.#pairs.size;
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    return cut;
  }

  /** Resets every connection, and each new one, until `open`. */
  refuse(): void {
    this.#mode = 'refusing';
    this.cut();
  }

  /** Keeps what is sent, in both directions and on new connections too, until `open`. */
  hang(): void {
    this.#mode = 'hanging';
    for (const [client, server] of this.#pairs) {
      client.unpipe(server).pause();
      server.unpipe(client).pause();
    }
  }

  /** Lets everything through, what was held first. */
  open(): void {
    const wasHanging = this.#mode === 'hanging';
    this.#mode = 'open';
    if (wasHanging) for (const pair of this.#pairs) join(pair);
  }

  async close(): Promise<void> {
    this.server.close();
    this.cut();
    await once(this.server, 'close');
  }

  #pass(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#mode === 'refusing') {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    server.on('error', () => undefined);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    // An end is passed on by `pipe`; a reset, or a target that is not there, is told by a reset.
    const end = (other: Socket) => {
      this.#pairs.delete(pair);
      if (!other.writableEnded || !other.readableEnded) other.resetAndDestroy();
    };
    client.once('close', () => end(server));
    server.once('close', () => end(client));
    if (this.#mode === 'open') join(pair);
  }
}

function join([client, server]: readonly [Socket, Socket]): void {
  client.pipe(server);
  server.pipe(client);
}
