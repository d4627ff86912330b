import type { GenerationView } from '@darkroom/domain';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { Answer } from './client.js';
import { scenario, System } from './system.js';

describe('outages', () => {
  let system: System;

  beforeAll(async () => {
    // An attempt whose start was never confirmed is over when its prediction cannot be running any more: 24 s later.
    // What the broker forgets of the work of its last moments is looked for soon.
    const workerEnv = { GENERATION_TIMEOUT: '40s', SWEEP_INTERVAL: '2s' };
    system = await System.start({ ownPostgres: true, workerEnv });
  }, 60_000);
  afterAll(() => system.stop());

  function expectUnavailable({ status, headers, json }: Answer): void {
    expect({ status, json }).toMatchObject({ status: 503, json: { status: 503, code: 'unavailable' } });
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }

  const health = async (url: string, kind: 'live' | 'ready') => (await fetch(`${url}/health/${kind}`)).status;

  scenario(
    'of NATS: nothing is accepted and nothing half done, and all goes on when it is back',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await system.simulator.fault(
        { kind: 'run_time', ms: 10_000, match: { prompt: 'ends after the outage' } },
        { kind: 'run_time', ms: 2_000, match: { prompt: 'ends in the outage' } },
      );
      const { id } = await alice.request({ prompt: 'ends after the outage' });
      const { id: endsAway } = await alice.request({ prompt: 'ends in the outage' });
      for (const each of [id, endsAway]) {
        await eventually(async () => (await alice.history(each)).at(-1)?.type === 'PredictionCreated');
      }
      // Some of these are in the log, some are not, and of some nobody can tell.
      const asked = Array.from({ length: 40 }, (_, index) => ({
        body: { prompt: `asked of a dying log ${index}`, width: 512, height: 512 },
        headers: { 'idempotency-key': `dying-${index}` },
      }));
      let answered = 0;
      const inFlight = asked.map(({ body: json, headers }) =>
        alice.send('/v1/generations', { json, headers }).finally(() => (answered += 1)),
      );
      await eventually(() => answered > 0);
      await system.nats.kill9();
      const answers = await Promise.all(inFlight);
      for (const answer of answers) if (answer.status !== 202) expectUnavailable(answer);

      const json = { prompt: 'asked for in the outage' };
      const headers = { 'idempotency-key': 'asked for in the outage' };
      const began = performance.now();
      const refused = await Promise.all([
        alice.send('/v1/generations', { json }),
        alice.send('/v1/generations', { json, headers }),
        alice.send('/v1/generations', { json, headers: { prefer: 'wait=30' } }),
        alice.send(`/v1/generations/${id}`),
        alice.send(`/v1/generations/${id}/history`),
        alice.send(`/v1/generations/${id}/cancel`, { method: 'POST' }),
      ]);
      expect(performance.now() - began).toBeLessThan(5_000);
      refused.forEach(expectUnavailable);
      for (const { url } of [...system.gateways, ...system.workers]) {
        expect([await health(url, 'live'), await health(url, 'ready')]).toEqual([200, 503]);
      }
      expect((await alice.send('/v1/generations')).status).toBe(200);

      // Nobody could tell it to the log, nor ask the provider: what that is asked is counted in the bucket.
      await eventually(async () => (await system.simulator.statuses('ends in the outage'))[0] === 'succeeded');
      await system.nats.restart();
      const accepted = await eventually(
        async () => {
          const answer = await alice.send('/v1/generations', { json, headers });
          if (answer.status !== 202) throw new Error(`answered ${answer.status}`);
          return answer.json as { id: string };
        },
        { timeoutMs: 20_000, what: 'a request to be accepted again' },
      );
      const again = await Promise.all(asked.map(({ body, headers: key }) => alice.request(body, key)));
      for (const [index, answer] of answers.entries()) {
        if (answer.status === 202) expect(again[index]!.id).toBe(answer.json.id);
      }
      const ids = [id, endsAway, accepted.id, ...again.map((generation) => generation.id)];
      const ended = await Promise.all(ids.map((each) => alice.completed(each, 100_000)));

      expect(new Set(ids).size).toBe(43);
      expect(await system.simulator.purchases()).toEqual(ids.map(() => 1));
      const { last, events } = await system.log();
      expect(events).toBe(ended.reduce((sum, { version }) => sum + version, 0));
      const byId = (one: GenerationView, other: GenerationView) => one.id.localeCompare(other.id);
      expect((await alice.list(last)).toSorted(byId)).toEqual(ended.toSorted(byId));
      for (const { url } of [...system.gateways, ...system.workers]) expect(await health(url, 'ready')).toBe(200);
    },
    180_000,
  );

  scenario(
    'of PostgreSQL: requests are accepted and completed, only lists are missing, and they catch up',
    () => system,
    async () => {
      const bob = await system.as('bob');
      await bob.request({ prompt: 'before the outage' });
      await system.postgres!.stop();

      const json = { prompt: 'asked for without PostgreSQL' };
      const answers = await Promise.all(
        [1, 2, 3].map(() => bob.send('/v1/generations', { json, headers: { prefer: 'wait=30' } })),
      );
      for (const { status, json: generation } of answers) {
        expect([status, generation.status]).toEqual([200, 'completed']);
        expect(await bob.get(generation.id)).toEqual(generation);
        expect((await bob.send(new URL(generation.images[0].url).pathname)).status).toBe(200);
      }
      expectUnavailable(await bob.send('/v1/generations'));
      for (const { url } of [...system.gateways, ...system.workers]) expect(await health(url, 'ready')).toBe(200);

      await system.postgres!.start();
      const { last } = await system.log();
      const listed = await eventually(() => bob.list(last), { timeoutMs: 30_000, what: 'the list to catch up' });
      expect(listed).toHaveLength(4);
      expect(listed).toEqual(await Promise.all(listed.map(({ id }) => bob.get(id))));
      await system.settled();
    },
  );

  scenario(
    'of both: every process ends in time, starts without them, and is ready once they are there',
    () => system,
    async () => {
      const carol = await system.as('carol');
      const before = await carol.completed((await carol.request({ prompt: 'before' })).id);
      await Promise.all([system.nats.kill9(), system.postgres!.stop()]);
      const [worker, gateway] = await Promise.all([
        system.workers[0]!.end('SIGTERM'),
        system.gateways[0]!.end('SIGTERM'),
      ]);
      expect([worker.code, gateway.code]).toEqual([0, 0]);
      expect(worker.ms).toBeLessThan(10_000);
      expect(gateway.ms).toBeLessThan(5_000);

      const starting = Promise.all([system.workers[0]!.start(), system.gateways[0]!.start()]);
      await eventually(async () => (await health(system.gateways[0]!.url, 'live')) === 200);
      expect(await health(system.gateways[0]!.url, 'ready')).toBe(503);
      await Promise.all([system.nats.restart(), system.postgres!.start()]);
      await starting;
      await system.settled();
      const after = await carol.completed((await carol.request({ prompt: 'after' })).id);
      expect(await carol.list(after.position)).toEqual([after, before]);
    },
  );
});
