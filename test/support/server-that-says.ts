import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** What a nats-server says to whom it does not let in. */
export const NATS_REFUSAL = `INFO ${JSON.stringify({ server_id: 'x', version: '2.12.0', jetstream: true })}\r\n-ERR 'Authorization Violation'\r\n`;

/** A server that takes connections, says these words, and then no more. */
export async function serverThatSays(words: string): Promise<{ address: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(words);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
