import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A provider's files: whatever is put there, called whatever the test wants. */
export class FileServer {
  readonly #files = new Map<string, { content: Uint8Array; contentType: string; after: Promise<unknown> }>();
  /** Files that were asked for, in order. */
  readonly asked: string[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<FileServer> {
    const server = createServer((request, response) => {
      const name = (request.url ?? '').slice(1);
      const file = files.#files.get(name);
      files.asked.push(name);
      if (!file) return void response.writeHead(404).end();
      void file.after.then(() => {
        response.writeHead(200, { 'content-type': file.contentType, 'content-length': file.content.byteLength });
        response.end(file.content);
      });
    });
    const files = new FileServer(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return files;
  }

  /**
   * Answers the address.
   * @param after what it is held back for
   */
  put(name: string, content: Uint8Array, contentType: string, after: Promise<unknown> = Promise.resolve()): string {
    this.#files.set(name, { content, contentType, after });
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${name}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
