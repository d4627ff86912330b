import { describe, expect, it } from '@jest/globals';
import { generationIdFrom } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { startNats } from '../../../test/support/nats.js';
import { connectBroker } from './connect.js';
import { eventStoreContract, exampleEvent } from './event-store.contract.js';
import { JetStreamEventStore } from './jetstream-event-store.js';
import { provision } from './provision.js';

eventStoreContract('JetStream', async () => {
  const nats = await startNats();
  const broker = await connectBroker({ servers: [nats.url], name: 'test' });
  await provision(broker, { replicas: 1 });
  return {
    store: new JetStreamEventStore(broker),
    async restart() {
      const reconnected = reconnect(broker.connection.status());
      await nats.kill9();
      await nats.restart();
      await reconnected;
    },
    async close() {
      await broker.close();
      await nats.stop();
    },
  };
});

describe('JetStream without its streams', () => {
  it('says that nothing was written, and that nothing can be read', async () => {
    const nats = await startNats();
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    try {
      const store = new JetStreamEventStore(broker);
      const event = exampleEvent(generationIdFrom(uuidv7()));
      const appends = Array.from({ length: 50 }, () => store.append(event, 0));
      for (const append of appends) await expect(append).rejects.toMatchObject({ kind: 'unavailable' });
      await expect(store.load(event.generationId)).rejects.toMatchObject({ kind: 'unavailable' });
    } finally {
      await broker.close();
      await nats.stop();
    }
  });
});

async function reconnect(statuses: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const status of statuses) if (status.type === 'reconnect') return;
}
