import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { parseMetrics } from './metrics-text.js';
import { scenario, System } from './system.js';

/** Long enough for a loaded machine to show life in, short enough to be waited out. */
const ACK_WAIT = '3s';

describe('a worker that is suspended in the midst of its work', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ workers: 1, workerEnv: { NATS_ACK_WAIT: ACK_WAIT } });
  }, 60_000);
  afterAll(() => system.stop());

  scenario(
    'is succeeded by another, and cannot append over it when it wakes',
    () => system,
    async () => {
      const alice = await system.as('alice');
      await system.simulator.fault(
        { kind: 'run_time', ms: 6_000, match: { prompt: 'while it runs' } },
        { kind: 'slow_answer', ms: 4_000, match: { prompt: 'before the answer of the create' } },
        { kind: 'file_slow', ms: 4_000, match: { prompt: 'while it downloads' } },
      );
      const ids = await Promise.all(
        ['while it runs', 'before the answer of the create', 'while it downloads'].map(
          async (when) => (await alice.request({ prompt: `suspended ${when}` })).id,
        ),
      );
      const lastOf = async (id: string) => (await alice.history(id)).at(-1)?.type;
      await eventually(async () => {
        const last = await Promise.all(ids.map(lastOf));
        return last.join() === 'PredictionCreated,AttemptStarted,AttemptStarted';
      });

      const [suspended] = system.workers;
      const wake = suspended!.hang();
      const successor = await system.addWorker({ NATS_ACK_WAIT: ACK_WAIT });
      const seen = await Promise.all(ids.map((id) => alice.completed(id, 60_000)));
      const histories = await Promise.all(ids.map((id) => alice.history(id)));
      const metrics = parseMetrics(await (await fetch(`${successor.url}/metrics`)).text());
      expect(metrics.value('darkroom_redeliveries_total', { stage: 'generate' })).toBeGreaterThan(0);

      wake();
      // It has said what it had to say when it has nothing in hand any more.
      await eventually(async () => {
        const { ok } = await fetch(`${suspended!.url}/health/ready`);
        const inFlight = parseMetrics(await (await fetch(`${suspended!.url}/metrics`)).text());
        return (
          ok && ['generate', 'download'].every((stage) => inFlight.value('darkroom_jobs_in_flight', { stage }) === 0)
        );
      });
      expect(await Promise.all(ids.map((id) => alice.history(id)))).toEqual(histories);
      expect(await Promise.all(ids.map((id) => alice.get(id)))).toEqual(seen);
      expect(await system.simulator.counters()).toMatchObject({ creates_received: 3, predictions_created: 3 });
    },
    120_000,
  );
});
