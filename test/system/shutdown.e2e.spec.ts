import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { Answer } from './client.js';
import { parseMetrics } from './metrics-text.js';
import { scenario, System } from './system.js';

/** As many as a worker has in hand by default. */
const RUNNING = 100;

describe('SIGTERM', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ gateways: 2, workers: 1 });
  }, 60_000);
  afterAll(() => system.stop());

  scenario(
    'of a worker with 100 running predictions hands them to another, which carries on the same ones',
    () => system,
    async () => {
      await system.simulator.configure({ run_ms: 20_000 });
      // Some are asked for when the signal comes: their answers have been paid for, and are waited for.
      await system.simulator.fault({ kind: 'slow_answer', ms: 4_000, match: { prompt: 'slowly' }, times: 20 });
      const alice = await system.as('alice');
      const requests = Array.from({ length: RUNNING }, (_, index) => ({
        prompt: `handed over ${index}${index % 5 === 0 ? ' slowly' : ''}`,
        width: 512,
        height: 512,
      }));
      const ids = await Promise.all(requests.map(async (body) => (await alice.request(body)).id));
      await eventually(async () => (await system.simulator.counters()).predictions_created === RUNNING);
      const [leaving] = system.workers;
      const taking = await system.addWorker();

      const { code, ms } = await leaving!.end('SIGTERM');
      expect(code).toBe(0);
      expect(ms).toBeLessThan(10_000);

      for (const id of ids) await alice.completed(id, 30_000);
      const metrics = parseMetrics(await (await fetch(`${taking.url}/metrics`)).text());
      expect(metrics.value('darkroom_redeliveries_total', { stage: 'generate' })).toBeGreaterThan(0);
      expect(await system.simulator.counters()).toMatchObject({
        creates_received: RUNNING,
        predictions_created: RUNNING,
      });
      const histories = await Promise.all(ids.map((id) => alice.history(id)));
      for (const history of histories) {
        expect(history.map(({ type }) => type)).toEqual([
          'GenerationRequested',
          'AttemptStarted',
          'PredictionCreated',
          'Generated',
          'AttemptStarted',
          'Downloaded',
        ]);
      }
    },
    120_000,
  );

  scenario(
    'of a gateway answers those who wait, with what is known, ends event streams, and the process in time',
    () => system,
    async () => {
      await system.simulator.configure({ run_ms: 4_000 });
      const [elsewhere, here] = [await system.as('bob', 0), await system.as('bob', 1)];
      const json = { prompt: 'waited for' };
      const waiting = here.send('/v1/generations', { json, headers: { prefer: 'wait=60' } });
      const known = await eventually(async () => (await elsewhere.list())[0], { what: 'the request in the list' });
      const events = `/v1/generations/${known.id}/events`;
      const stream = here.send(events);
      const scrape = async () => parseMetrics(await (await fetch(`${system.gateways[1]!.url}/metrics`)).text());
      await eventually(async () => (await scrape()).value('darkroom_live_subscribers', {}) === 2);

      const { code, ms } = await system.gateways[1]!.end('SIGTERM');
      const { status, json: answered } = await waiting;
      expect({ status, id: answered.id }).toEqual({ status: 202, id: known.id });
      expect(['queued', 'processing']).toContain(answered.status);
      expect(code).toBe(0);
      expect(ms).toBeLessThan(5_000);

      // What the stream did not tell any more, another gateway's tells.
      const positions = ({ bytes }: Answer) =>
        [...bytes.toString().matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
      const told = positions(await stream);
      const rest = positions(await elsewhere.send(events, { headers: { 'last-event-id': String(told.at(-1)) } }));
      const history = (await elsewhere.history(known.id)).map(({ position }) => position);
      expect([...told, ...rest]).toEqual(history.filter((position) => position >= told[0]!));
      await elsewhere.completed(known.id);
    },
  );
});
