import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Kvm } from '@nats-io/kv';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { connectBroker, type Broker } from './connect.js';
import { Documents } from './documents.js';
import { provision } from './provision.js';
import { bucketKey, QUOTAS_BUCKET } from './subjects.js';

describe('documents', () => {
  let nats: TestNats;
  let broker: Broker;
  let documents: Documents;

  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    documents = await Documents.open(broker, QUOTAS_BUCKET);
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  it('are written only over what was read', async () => {
    const key = bucketKey('one');
    expect(await documents.get(key)).toEqual({ text: null, revision: 0 });
    expect(await documents.put(key, 'a', 0)).toBe(true);
    expect(await documents.put(key, 'b', 0)).toBe(false);
    const read = await documents.get(key);
    expect(read.text).toBe('a');
    expect(await documents.put(key, 'b', read.revision)).toBe(true);
    expect(await documents.put(key, 'c', read.revision)).toBe(false);
    expect((await documents.get(key)).text).toBe('b');
  });

  it('lose no change of any of several writers', async () => {
    const key = bucketKey('counter');
    const countOne = async () => {
      for (;;) {
        const read = await documents.get(key);
        if (await documents.put(key, String(Number(read.text) + 1), read.revision)) return;
      }
    };
    await Promise.all(Array.from({ length: 30 }, countOne));
    expect((await documents.get(key)).text).toBe('30');
  });

  it('begin anew when an operator deletes one', async () => {
    const key = bucketKey('deleted');
    await documents.put(key, 'a', 0);
    await (await new Kvm(broker.jetstream).open(QUOTAS_BUCKET)).delete(key);
    const read = await documents.get(key);
    expect(read.text).toBeNull();
    expect(await documents.put(key, 'b', read.revision)).toBe(true);
    expect((await documents.get(key)).text).toBe('b');
  });

  it('say when they cannot be read, and when it is not known whether they were written', async () => {
    const goOn = nats.hang();
    try {
      await Promise.all([
        expect(documents.get(bucketKey('x'))).rejects.toMatchObject({ kind: 'unavailable' }),
        expect(documents.put(bucketKey('x'), 'a', 0)).rejects.toMatchObject({ kind: 'unknown' }),
      ]);
    } finally {
      goOn();
    }
  });
});
