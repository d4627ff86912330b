import { describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { eventually } from '../../../test/support/eventually.js';
import { startNats } from '../../../test/support/nats.js';
import { connectBroker } from './connect.js';

describe('connectBroker', () => {
  it('waits for a server that is not there yet', async () => {
    const nats = await startNats();
    await nats.kill9();
    const lines: string[] = [];
    const waiting = connectBroker({ servers: [nats.url], name: 'test', onStatus: (line) => lines.push(line) });
    await eventually(() => lines.length > 0);
    await nats.restart();
    const broker = await waiting;
    expect(broker.connected).toBe(true);
    expect(lines[0]).toContain('waiting for');
    await broker.close();
    await nats.stop();
  });

  it('stops waiting when it is told to', async () => {
    const abort = new AbortController();
    const waiting = connectBroker({ servers: ['nats://127.0.0.1:1'], name: 'test', signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow();
  });

  it.each([
    ['2.10.27', true, 'too old'],
    ['2.12.0', false, 'without JetStream'],
  ])('refuses a server of version %s (JetStream: %s): %s', async (version, jetstream, message) => {
    const server = await pretend({ version, jetstream });
    const { port } = server.address() as AddressInfo;
    await expect(connectBroker({ servers: [`nats://127.0.0.1:${port}`], name: 'test' })).rejects.toThrow(message);
    await eventually(() => new Promise((resolve) => server.getConnections((_error, count) => resolve(count === 0))));
    server.close();
  });
});

/** Says the first words of the NATS protocol as a server of these properties would. */
function pretend(info: object): Promise<Server> {
  const server = createServer((socket) => {
    socket.write(
      `INFO ${JSON.stringify({ server_id: 'x', max_payload: 1_048_576, headers: true, proto: 1, ...info })}\r\n`,
    );
    socket.on('data', (data) => {
      if (data.toString().includes('PING')) socket.write('PONG\r\n');
    });
    socket.on('error', () => undefined);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
