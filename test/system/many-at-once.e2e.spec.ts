import type { GenerationView } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Client } from './client.js';
import { scenario, System } from './system.js';

/** What changes while a generation goes its way. Everything else is equal in all answers. */
const MOVING = {
  status: '',
  progress: 0,
  attempt: 0,
  started_at: null,
  completed_at: null,
  images: [],
  cost: null,
  version: 0,
  position: 0,
};

describe('two gateways and two workers on one log and one database', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ gateways: 2, workers: 2, runMs: 400 });
  }, 60_000);
  afterAll(() => system.stop());

  const on = async (user: string): Promise<[Client, Client]> => [await system.as(user, 0), await system.as(user, 1)];

  scenario(
    'make one generation of 50 simultaneous requests with one idempotency key, for ever',
    () => system,
    async () => {
      const json = { prompt: 'asked for fifty times' };
      const headers = { 'idempotency-key': 'order 4711' };
      const gateways = await on('alice');
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => gateways[index % 2]!.send('/v1/generations', { json, headers })),
      );

      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 202));
      const [first, ...others] = answers.map((answer) => ({ ...(answer.json as GenerationView), ...MOVING }));
      for (const other of others) expect(other).toEqual(first);
      const id = first!.id;
      const completed = await gateways[0].completed(id);
      expect(await system.simulator.counters()).toMatchObject({ creates_received: 1, predictions_created: 1 });
      expect((await gateways[0].history(id)).filter(({ type }) => type === 'GenerationRequested')).toHaveLength(1);

      const conflict = await gateways[1].send('/v1/generations', { json: { prompt: 'another' }, headers });
      expect([conflict.status, conflict.json.code]).toEqual([409, 'idempotency_conflict']);
      const [bob] = await on('bob');
      const { id: other } = await bob.request({ prompt: 'of somebody else' }, headers);
      expect(other).not.toBe(id);

      await Promise.all([...system.gateways, ...system.workers].map((app) => app.end('SIGTERM')));
      await system.nats.restart();
      await Promise.all([...system.gateways, ...system.workers].map((app) => app.start()));
      const again = await Promise.all(
        gateways.map((gateway) => gateway.send('/v1/generations', { json, headers: { ...headers, prefer: 'wait=5' } })),
      );
      for (const answer of again) expect([answer.status, answer.json]).toEqual([200, completed]);
      // Asked for in the moment of the restart: at worst the broker waits out its 30 s for a worker that has ended.
      await bob.completed(other, 60_000);
      expect(await system.simulator.purchases()).toEqual([1, 1]);
    },
    120_000,
  );

  scenario(
    'complete 100 mixed generations of several users, pay each once and count each once',
    () => system,
    async () => {
      await system.settled();
      const users = ['carol', 'dave', 'erin', 'frank'];
      const clients = await Promise.all(users.map(on));
      const admin = system.operator;
      const before = { purchases: await system.simulator.purchases(), all: await admin.list() };
      // A download that fails once is repeated, and buys nothing.
      await system.simulator.fault({ kind: 'file_truncated', match: { prompt: 'mixed 7' }, times: 8 });

      const accepted = await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const client = clients[index % users.length]![index % 2]!;
          return { client, id: (await client.request(mixedRequest(index))).id };
        }),
      );
      const ended = await Promise.all(accepted.map(({ client, id }) => client.completed(id, 90_000)));

      const purchases = await system.simulator.purchases();
      expect(purchases.slice(before.purchases.length)).toEqual(ended.map(() => 1));
      expect(ended.map(({ images }) => images.length)).toEqual(ended.map(({ num_outputs }) => num_outputs));

      const { last } = await system.log();
      const listed = (await admin.list(last)).filter(({ id }) => !before.all.some((known) => known.id === id));
      const byId = (one: GenerationView, other: GenerationView) => one.id.localeCompare(other.id);
      expect(listed.toSorted(byId)).toEqual(ended.toSorted(byId));
      for (const [index, user] of users.entries()) {
        const own = ended.filter((_, position) => position % users.length === index);
        expect((await clients[index]![1].list()).toSorted(byId)).toEqual(own.toSorted(byId));
        expect(await usageOf(user)).toEqual([expectedUsage(own)]);
      }
    },
    150_000,
  );

  /** Every size is small: the test is about the machinery and not about drawing. */
  function mixedRequest(index: number): Record<string, unknown> {
    const flux = {
      width: 512,
      height: 512,
      num_outputs: 1 + (index % 2),
      output_format: ['webp', 'jpg', 'png'][index % 3],
    };
    const models = [
      { model_id: 'black-forest-labs/flux-schnell', ...flux },
      { model_id: 'black-forest-labs/flux-dev', ...flux, guidance_scale: 4, seed: index },
      { model_id: 'stability-ai/sdxl', width: 512, height: 512, negative_prompt: 'text' },
    ];
    return {
      ...models[index % models.length],
      prompt: `mixed ${index}`,
      priority: [-10, 0, 10][index % 3],
      metadata: { index: String(index) },
      ...(index % 10 === 0 && { scheduled_at: new Date(Date.now() + 1_000).toISOString() }),
    };
  }

  function usageOf(user: string): Promise<object[]> {
    return system.rows(`
      SELECT sum(requested)::int AS requested, sum(completed)::int AS completed, sum(failed)::int AS failed,
        sum(cancelled)::int AS cancelled, sum(images)::int AS images, sum(bytes)::int AS bytes,
        round(sum(cost_usd), 6)::float AS cost_usd
      FROM read_model.usage_daily WHERE user_id = '${user}'`);
  }

  function expectedUsage(generations: readonly GenerationView[]): object {
    const images = generations.flatMap((generation) => generation.images);
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
    return {
      requested: generations.length,
      completed: generations.length,
      failed: 0,
      cancelled: 0,
      images: images.length,
      bytes: sum(images.map(({ bytes }) => bytes)),
      cost_usd: Number(sum(generations.map(({ cost }) => cost.actual_usd ?? cost.estimated_usd ?? 0)).toFixed(6)),
    };
  }
});
