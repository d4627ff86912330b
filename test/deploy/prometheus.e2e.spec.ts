import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { Client } from '../system/client.js';
import { System } from '../system/system.js';
import { readDashboard, readRules } from './monitoring-files.js';
import { Prometheus } from './prometheus.js';
import { findProgram, PROMETHEUS } from './programs.js';

const { path: program, why } = await findProgram(PROMETHEUS);

const MODELS = ['black-forest-labs/flux-schnell', 'black-forest-labs/flux-dev', 'stability-ai/sdxl'];
/** More than the alert DarkroomQueueDeep allows, twice over. */
const WAITING = 240;

/** The dashboard's expressions, with its variables as they are when nobody has chosen anything. */
const queries = readDashboard()
  .panels.flatMap(({ title, targets = [] }) => targets.map(({ refId, expr }) => [`${title} ${refId}`, expr] as const))
  .map(([name, expr]) => [name, expr.replaceAll('$__rate_interval', '15s').replaceAll('$model', '.*')] as const);

(program ? describe : describe.skip)(`a real Prometheus on the running system${why}`, () => {
  let system: System;
  let prometheus: Prometheus;
  /** Requests made by now. */
  let requested = 0;

  beforeAll(async () => {
    // Each of the two processes: slow enough for a queue that lasts.
    const workerEnv = { GENERATE_CONCURRENCY: '2' };
    system = await System.start({ workers: 2, runMs: 1_000, workerEnv });
    const addresses = (apps: System['workers']) => apps.map(({ url }) => new URL(url).host);
    prometheus = await Prometheus.start(program!, {
      gateway: addresses(system.gateways),
      worker: addresses(system.workers),
    });
    await load();
  }, 90_000);
  afterAll(async () => {
    await prometheus?.stop();
    await system?.stop();
  });

  /** Each of its own user: nobody's limits are reached. */
  async function request(body: object): Promise<{ user: Client; id: string }> {
    const user = await system.as(`user-${requested++}`);
    return { user, id: (await user.request(body)).id };
  }

  /** All that the dashboard shows: good ends and bad ones, waiting, throttling, and a worker that ends over its work. */
  async function load(): Promise<void> {
    await system.simulator.fault(
      { kind: 'run_failure', match: { prompt: 'fails' }, times: 'always' },
      { kind: 'throttled', retry_after: 1, match: { prompt: 'throttled' }, times: 2 },
      { kind: 'error_after_create', status: 502, match: { prompt: 'lost answer' } },
      { kind: 'file_error', status: 503, match: { prompt: 'file' }, times: 2 },
      { kind: 'run_time', ms: 60_000, match: { prompt: 'endless' }, times: 'always' },
    );
    const prompts = ['fails', 'throttled', 'lost answer', 'file'];
    await Promise.all(prompts.map((prompt) => request({ prompt, priority: 10 })));
    const inAMoment = new Date(Date.now() + 3_000).toISOString();
    await request({ prompt: 'later', scheduled_at: inAMoment, priority: 10 });

    const endless = await request({ prompt: 'endless', priority: 100 });
    await Promise.all(
      Array.from({ length: WAITING }, (_, index) =>
        request({
          prompt: index % 4 === 0 ? `image ${index} fails` : `image ${index}`,
          max_attempts: 1,
          model_id: MODELS[index % MODELS.length],
          priority: [10, 0, -10][Math.floor(index / 3) % 3],
        }),
      ),
    );
    await eventually(async () => (await endless.user.get(endless.id)).status === 'processing', { timeoutMs: 30_000 });
    // What a process counted after its last scrape ends with it.
    for (const code of ['throttled', 'outcome_unknown']) {
      const query = `darkroom_provider_requests_total{code="${code}"}`;
      await eventually(async () => (await prometheus.query(query)).length > 0, { what: `${code} to be scraped` });
    }
    // Its work is handed back, and delivered again to the other one.
    await system.workers[1]!.end('SIGTERM');
    await system.workers[1]!.start();
    await endless.user.send(`/v1/generations/${endless.id}/cancel`, { method: 'POST' });
    await endless.user.send('/v1/generations/none');
  }

  /** Values, NaN left out: that is what a quantile of nothing is. */
  async function values(expr: string): Promise<number[]> {
    return (await prometheus.query(expr)).map(({ value }) => Number(value[1])).filter((value) => !Number.isNaN(value));
  }

  it('finds every process', async () => {
    await eventually(async () => {
      const up = await prometheus.query('sum by (job) (up)');
      const counts = Object.fromEntries(up.map(({ metric, value }) => [metric.job, value[1]]));
      expect(counts).toEqual({ 'darkroom-gateway': '1', 'darkroom-worker': '2', prometheus: '1' });
      return true;
    });
  });

  it('evaluates every rule, and raises the alerts of this load and no other', async () => {
    const expected = ['DarkroomFailing', 'DarkroomQueueDeep', 'DarkroomQueueVeryDeep'];
    await eventually(
      async () => {
        const states = await prometheus.rules();
        expect(states.filter(({ health }) => health !== 'ok')).toEqual([]);
        expect(states.length).toBe(readRules().length);
        const raised = states.filter(({ type, state }) => type === 'alerting' && state !== 'inactive');
        expect(raised.map(({ name }) => name).sort()).toEqual(expected);
        return true;
      },
      { timeoutMs: 50_000, what: 'the alerts of this load' },
    );
  }, 60_000);

  it.each(readRules().flatMap(({ record }) => record ?? []))('records %s', async (name) => {
    await eventually(async () => (await values(name)).length > 0, { timeoutMs: 20_000, what: `values of ${name}` });
  });

  it.each(queries)(
    'has data for the panel %s',
    async (_, expr) => {
      const hasValues = async () => {
        // Clients go on asking, so that there is something to be measured.
        await system.operator.send('/v1/generations?limit=1');
        return (await values(expr)).length > 0;
      };
      await eventually(hasValues, { timeoutMs: 30_000, what: `values of ${expr}` });
    },
    40_000,
  );

  it('sees in these what was done', async () => {
    // The process that was ended took its counters along: they are looked for in the past as well.
    const counted = async (metric: string, label: string) => {
      const samples = await prometheus.query(`max by (${label}) (max_over_time(${metric}[10m])) > 0`);
      return samples.map(({ metric: labels }) => labels[label]).sort();
    };
    const seen = async () => {
      expect(await counted('darkroom_queue_wait_seconds_count', 'lane')).toEqual(['high', 'low', 'normal']);
      expect(await counted('darkroom_generations_total', 'status')).toEqual(['cancelled', 'completed', 'failed']);
      expect(await counted('darkroom_cost_usd_total', 'model')).toEqual([...MODELS].sort());
      const codes = await counted('darkroom_provider_requests_total', 'code');
      expect(codes).toEqual(expect.arrayContaining(['ok', 'outcome_unknown', 'throttled']));
      expect(await counted('darkroom_redeliveries_total', 'stage')).toContain('generate');
      return true;
    };
    await eventually(seen, { timeoutMs: 90_000, what: 'every kind of end' });
  }, 100_000);
});
