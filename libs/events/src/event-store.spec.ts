import { eventStoreContract } from './event-store.contract.js';
import { MemoryEventStore } from './memory-event-store.js';

eventStoreContract('memory', async () => ({
  store: new MemoryEventStore(),
  restart: async () => undefined,
  close: async () => undefined,
}));
