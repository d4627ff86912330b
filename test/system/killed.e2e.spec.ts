import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { scenario, System } from './system.js';

/** The broker waits 30 s for a sign of life of a worker before it hands its work to another. Milliseconds. */
const AFTER_REDELIVERY_MS = 60_000;

describe('kill -9', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ gateways: 2 });
  }, 60_000);
  afterAll(() => system.stop());

  scenario(
    'of a worker in the midst of its work: it is carried on after a restart, and nothing is paid for twice',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await system.simulator.fault(
        { kind: 'run_time', ms: 5_000, match: { prompt: 'killed while it runs' } },
        { kind: 'slow_answer', ms: 120_000, match: { prompt: 'killed before the answer of the create' } },
        { kind: 'file_slow', ms: 120_000, match: { prompt: 'killed while it downloads' } },
      );
      const [running, unanswered, downloading] = await Promise.all(
        ['killed while it runs', 'killed before the answer of the create', 'killed while it downloads'].map((prompt) =>
          alice.request({ prompt }),
        ),
      );
      const last = async (id: string) => (await alice.history(id)).map(({ type }) => type).slice(-2);
      await eventually(async () => (await last(running!.id))[1] === 'PredictionCreated');
      await eventually(async () => (await last(unanswered!.id))[1] === 'AttemptStarted');
      await eventually(async () => (await last(downloading!.id)).join() === 'Generated,AttemptStarted');
      await eventually(async () => {
        const { predictions_created, files_served } = await system.simulator.counters();
        return predictions_created === 3 && files_served === 1;
      });

      const [worker] = system.workers;
      expect(await worker!.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
      expect((await last(running!.id))[1]).toBe('PredictionCreated');
      await worker!.start();

      const ids = [running!.id, unanswered!.id, downloading!.id];
      await Promise.all(ids.map((id) => alice.completed(id, AFTER_REDELIVERY_MS)));
      expect(await system.simulator.counters()).toMatchObject({ creates_received: 3, predictions_created: 3 });
      for (const id of ids) {
        expect((await alice.history(id)).map(({ type }) => type)).toEqual([
          'GenerationRequested',
          'AttemptStarted',
          'PredictionCreated',
          'Generated',
          'AttemptStarted',
          'Downloaded',
        ]);
      }
    },
    90_000,
  );

  scenario(
    'of a gateway in the midst of accepting: whoever repeats with the same key has one generation',
    () => system,
    async () => {
      const [other, killed] = [await system.as('bob', 0), await system.as('bob', 1)];
      const { creates_received: before } = await system.simulator.counters();
      const asked = Array.from({ length: 60 }, (_, index) => ({
        body: { prompt: `asked of a dying gateway ${index}`, width: 512, height: 512 },
        headers: { 'idempotency-key': `dying-${index}` },
      }));
      let answered = 0;
      const first = asked.map(async ({ body, headers }) => {
        const { id } = await killed.request(body, headers);
        answered += 1;
        return id;
      });
      const settled = Promise.allSettled(first);
      await eventually(() => answered > 0);
      await system.gateways[1]!.end('SIGKILL');
      const outcomes = await settled;

      const ids = await Promise.all(asked.map(async ({ body, headers }) => (await other.request(body, headers)).id));
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') expect(outcome.value).toBe(ids[index]);
      }
      expect(new Set(ids).size).toBe(asked.length);
      const ended = await Promise.all(ids.map((id) => other.completed(id)));
      const listed = await other.list(Math.max(...ended.map(({ position }) => position)));
      expect(listed.map(({ id }) => id).sort()).toEqual(ids.toSorted());
      expect((await system.simulator.counters()).creates_received - before).toBe(asked.length);
    },
  );
});
