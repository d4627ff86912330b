import { bucketKey, Claims, connectBroker, IDEMPOTENCY_BUCKET } from '@darkroom/events';
import { generationIdFrom } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { NO_POSTGRES, startGateway, type TestGateway } from '../../test/gateway-fixture.js';
import { completeGeneration, lastPosition } from '../../test/play-worker.js';
import { requestHash } from '../application/request-hash.js';

const json = { prompt: 'a lighthouse', metadata: { a: '1', b: '2' } };

describe('the idempotency key', () => {
  let nats: TestNats;
  let gateways: [TestGateway, TestGateway];

  beforeAll(async () => {
    nats = await startNats();
    const start = () => startGateway({ NATS_URL: nats.url, DATABASE_URL: NO_POSTGRES });
    gateways = [await start(), await start()];
    await Promise.all(gateways.map((gateway) => gateway.ready()));
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await nats.stop();
  });

  const post = (key: string, body: unknown = json, options: { user?: string; gateway?: number } = {}) =>
    gateways[options.gateway === 1 ? 1 : 0].send('/v1/generations', {
      json: body,
      user: options.user,
      headers: { 'idempotency-key': key },
    });

  it('makes one generation and equal answers of 50 parallel requests to two gateways', async () => {
    const before = await lastPosition(gateways[0]);
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => post('k-50', json, { gateway: index % 2 })));

    expect(await lastPosition(gateways[0])).toBe(before + 1);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([202]));
    const first = all[0]!;
    for (const { json: answer, headers } of all) {
      expect({ ...answer, images: [] }).toEqual(first.json);
      expect(headers.get('location')).toBe(first.headers.get('location'));
    }
  });

  it('answers the generation for ever, whatever the order of keys', async () => {
    const first = await post('k-again');
    await completeGeneration(gateways[0], first.json.id, Buffer.from('x'));
    const before = await lastPosition(gateways[0]);
    const again = await post('k-again', { metadata: { b: '2', a: '1' }, prompt: json.prompt }, { gateway: 1 });
    expect(again.json).toMatchObject({ id: first.json.id, status: 'completed' });
    expect(await lastPosition(gateways[0])).toBe(before);
  });

  it('refuses another body, at once or at the same time', async () => {
    await post('k-other');
    const before = await lastPosition(gateways[0]);
    const other = await post('k-other', { ...json, seed: 1 });
    expect(other.json).toMatchObject({ status: 409, code: 'idempotency_conflict' });
    expect(await lastPosition(gateways[0])).toBe(before);

    const race = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post('k-race', { ...json, seed: index % 2 })),
    );
    expect(new Set(race.map(({ status }) => status))).toEqual(new Set([202, 409]));
    expect(new Set(race.filter(({ status }) => status === 202).map((answer) => String(answer.json.id))).size).toBe(1);
    expect(await lastPosition(gateways[0])).toBe(before + 1);
  });

  it('belongs to its user', async () => {
    const [alice, bob] = [await post('k-user'), await post('k-user', json, { user: 'bob' })];
    expect(bob.status).toBe(202);
    expect(bob.json.id).not.toBe(alice.json.id);
  });

  it('is not spent by a request that is refused', async () => {
    expect((await post('k-refused', { ...json, num_outputs: 9 })).status).toBe(422);
    expect((await post('k-refused')).status).toBe(202);
  });

  it('heals a gateway that died between holding the key and appending', async () => {
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    const claims = await Claims.open(broker, IDEMPOTENCY_BUCKET);
    const id = generationIdFrom(uuidv7());
    const held = { generation_id: id, request_hash: requestHash(json) };
    await claims.claim(bucketKey('alice', 'k-crash'), JSON.stringify(held));
    await broker.close();

    const before = await lastPosition(gateways[0]);
    const answers = await Promise.all([post('k-crash'), post('k-crash', json, { gateway: 1 })]);
    for (const { status, json: answer } of answers) expect({ status, id: answer.id }).toEqual({ status: 202, id });
    expect(await lastPosition(gateways[0])).toBe(before + 1);
  });
});
