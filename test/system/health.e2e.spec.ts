import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { AppProcess } from './app-process.js';
import { parseMetrics, type Samples } from './metrics-text.js';
import { scenario, System } from './system.js';

/** Milliseconds. A probe that waits longer than a second or two restarts the app, or takes it out of service. */
const LIVE_LIMIT_MS = 500;
const READY_LIMIT_MS = 2_500;
const SCRAPE_LIMIT_MS = 3_500;

interface Readiness {
  readonly status: number;
  readonly states: Readonly<Record<string, string>>;
}

async function timed<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  expect(performance.now() - began).toBeLessThan(limitMs);
  return result;
}

async function live({ url }: AppProcess): Promise<void> {
  expect((await timed(LIVE_LIMIT_MS, () => fetch(`${url}/health/live`))).status).toBe(200);
}

async function ready({ url }: AppProcess): Promise<Readiness> {
  const response = await timed(READY_LIMIT_MS, () => fetch(`${url}/health/ready`));
  const { details } = (await response.json()) as { details: Record<string, { status: string }> };
  const states = Object.entries(details).map(([name, { status }]) => [name, status] as const);
  return { status: response.status, states: Object.fromEntries(states) };
}

async function scrape({ url }: AppProcess): Promise<Samples> {
  return parseMetrics(await timed(SCRAPE_LIMIT_MS, async () => (await fetch(`${url}/metrics`)).text()));
}

const up = (samples: Samples, dependency: string) => samples.value('darkroom_dependency_up', { dependency });
const stuck = (samples: Samples) => samples.value('darkroom_stuck_generations', {});
const lag = (samples: Samples) => samples.value('darkroom_projection_lag_events', { projection: 'read_models' });
const depth = (samples: Samples) => samples.value('darkroom_queue_depth', { stage: 'generate', lane: 'normal' });

describe('health and metrics', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ ownPostgres: true });
  }, 60_000);
  afterAll(() => system.stop());

  /** All is well, by readiness and by metrics, on both ports. */
  async function expectWell(): Promise<void> {
    const [gateway, worker] = [system.gateways[0]!, system.workers[0]!];
    const states = { nats: 'up', postgres: 'up', storage: 'up' };
    await eventually(
      async () => {
        expect([await ready(gateway), await ready(worker)]).toEqual([
          { status: 200, states },
          { status: 200, states },
        ]);
        const [ofGateway, ofWorker] = await Promise.all([scrape(gateway), scrape(worker)]);
        for (const dependency of Object.keys(states)) {
          expect([up(ofGateway, dependency), up(ofWorker, dependency)]).toEqual([1, 1]);
        }
        expect([stuck(ofWorker), lag(ofWorker), depth(ofWorker)]).toEqual([0, 0, 0]);
        return true;
      },
      { timeoutMs: 30_000, what: 'all to be well' },
    );
  }

  scenario(
    'are had for less than 250 MB of memory by each app',
    () => system,
    async () => {
      for (const app of [system.gateways[0]!, system.workers[0]!]) {
        expect((await scrape(app)).value('process_resident_memory_bytes', {})).toBeLessThan(250e6);
      }
    },
  );

  const ways = {
    hangs: (server: 'nats' | 'postgres') => async () => {
      const goOn = system[server]!.hang();
      return () => Promise.resolve(goOn());
    },
    'is down': (server: 'nats' | 'postgres') => async () => {
      await (server === 'nats' ? system.nats.kill9() : system.postgres!.stop());
      return () => (server === 'nats' ? system.nats.restart() : system.postgres!.start());
    },
  };

  for (const [way, lose] of Object.entries(ways)) {
    scenario(
      `while PostgreSQL ${way}: live at once, ready in time, metrics without what it knows; then all is well`,
      () => system,
      async () => {
        await expectWell();
        const bring = await lose('postgres')();
        const alice = await system.as('alice');
        const lists = Promise.all([1, 2, 3, 4].map(() => alice.send('/v1/generations')));
        try {
          for (const app of [system.gateways[0]!, system.workers[0]!]) {
            await live(app);
            const [readiness, ...samples] = await Promise.all([ready(app), scrape(app), scrape(app), scrape(app)]);
            expect(readiness).toEqual({ status: 200, states: { nats: 'up', postgres: 'degraded', storage: 'up' } });
            for (const each of samples) {
              expect([up(each, 'nats'), up(each, 'storage'), up(each, 'postgres')]).toEqual([1, 1, 0]);
              expect(stuck(each)).toBeUndefined();
            }
            await live(app);
          }
          expect(depth(await scrape(system.workers[0]!))).toBe(0);
          for (const { status } of await lists) expect(status).toBe(503);
        } finally {
          await bring();
        }
        await expectWell();
      },
    );

    scenario(
      `while NATS ${way}: live at once, not ready and naming it, metrics without what it knows; then all is well`,
      () => system,
      async () => {
        await expectWell();
        const bring = await lose('nats')();
        try {
          for (const app of [system.gateways[0]!, system.workers[0]!]) {
            await live(app);
            const [readiness, ...samples] = await Promise.all([ready(app), scrape(app), scrape(app)]);
            expect(readiness).toEqual({ status: 503, states: { nats: 'down', postgres: 'up', storage: 'up' } });
            for (const each of samples) {
              expect([up(each, 'nats'), up(each, 'postgres'), up(each, 'storage')]).toEqual([0, 1, 1]);
              expect([depth(each), lag(each)]).toEqual([undefined, undefined]);
            }
            await live(app);
          }
          expect(stuck(await scrape(system.workers[0]!))).toBe(0);
        } finally {
          await bring();
        }
        await expectWell();
      },
    );
  }

  scenario(
    'of a worker that is there before NATS: live, not ready, ended at once by SIGTERM; it works when NATS comes',
    () => system,
    async () => {
      const [first] = system.workers;
      await first!.end('SIGTERM');
      await system.nats.kill9();
      const early = await system.makeWorker();
      const ended = early.runToEnd();
      await eventually(() => live(early).then(() => true));
      expect((await early.end('SIGTERM')).ms).toBeLessThan(1_000);
      expect(await ended).toMatchObject({ code: 0, signal: null });

      const working = first!.start();
      await eventually(() => live(first!).then(() => true));
      expect(await ready(first!)).toEqual({ status: 503, states: { nats: 'down', postgres: 'up', storage: 'up' } });
      const samples = await scrape(first!);
      expect([up(samples, 'nats'), up(samples, 'postgres'), stuck(samples)]).toEqual([0, 1, 0]);
      expect(depth(samples)).toBeUndefined();

      await system.nats.restart();
      await working;
      await system.settled();
      const alice = await system.as('alice');
      await alice.completed((await alice.request({ prompt: 'asked when NATS was there' })).id);
      await expectWell();
    },
  );
});
