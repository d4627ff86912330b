import { startNats } from '../../../test/support/nats.js';
import { connectBroker } from './connect.js';
import { eventStoreContract } from './event-store.contract.js';
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

async function reconnect(statuses: AsyncIterable<{ type: string }>): Promise<void> {
  for await (const status of statuses) if (status.type === 'reconnect') return;
}
