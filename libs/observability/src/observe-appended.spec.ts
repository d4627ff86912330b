import { describe, expect, it } from '@jest/globals';
import type { Command, EventData } from '@darkroom/domain';
import { CommandRunner, MemoryEventStore } from '@darkroom/events';
import { createMetrics } from './metrics.js';
import { observeAppended } from './observe-appended.js';

const generationId = '01890a5d-ac96-774b-bcce-b302099a8050';
const at = (seconds: number) => new Date(Date.UTC(2030, 0, 1) + seconds * 1_000).toISOString();

const request = {
  user_id: 'user',
  model_id: 'black-forest-labs/flux-schnell',
  input: {},
  provider_input: {},
  lane: 'high',
  max_attempts: 2,
  scheduled_at: null,
  estimated_cost_usd: 0.003,
} as unknown as EventData['GenerationRequested'];

type WithoutCommon<C> = C extends Command ? Omit<C, 'commandId' | 'at'> : never;
type Step = WithoutCommon<Command>;

/** Carries out the commands, ten seconds apart, and answers the metrics' text. */
async function metricsAfter(...steps: Step[]): Promise<string> {
  const metrics = createMetrics();
  const runner = new CommandRunner(new MemoryEventStore(), { source: '/test', onAppended: observeAppended(metrics) });
  for (const [index, step] of steps.entries()) {
    const command = { ...step, commandId: `c${index}`, at: at(index * 10) } as Command;
    const outcome = await runner.execute(generationId, command);
    expect(outcome.kind).toBe('done');
    await runner.execute(generationId, command);
  }
  return metrics.registry.metrics();
}

const asked: Step = { type: 'Request', request };
const started = (stage: 'generate' | 'download'): Step => ({
  type: 'StartAttempt',
  stage,
  worker: 'w',
  deadline: null,
});
const predicted = (fence: number): Step => ({
  type: 'RecordPrediction',
  fence,
  provider: 'replicate',
  predictionId: 'p',
  deadline: null,
  adopted: false,
});
const generated = (fence: number, actualCostUsd: number | null): Step => ({
  type: 'RecordGenerated',
  fence,
  outputs: ['https://example.com/1.png'],
  outputsExpireAt: at(3_600),
  metrics: { predict_time: 1, total_time: 2 },
  seed: 1,
  actualCostUsd,
});
const failed = (fence: number, retryable: boolean, counted = true): Step => ({
  type: 'FailAttempt',
  fence,
  error: { code: 'provider_unavailable', message: 'down', retryable },
  retryAt: at(1_000),
  counted,
});

const model = 'model="black-forest-labs/flux-schnell"';

describe('observeAppended', () => {
  it('measures a completed generation', async () => {
    const text = await metricsAfter(asked, started('generate'), predicted(2), generated(2, null), started('download'), {
      type: 'RecordDownloaded',
      fence: 5,
      images: [],
    });
    expect(text).toContain(`darkroom_generations_total{status="completed",${model}} 1`);
    expect(text).toContain(`darkroom_attempts_total{stage="generate",outcome="succeeded",${model}} 1`);
    expect(text).toContain(`darkroom_attempts_total{stage="download",outcome="succeeded",${model}} 1`);
    expect(text).toContain(`darkroom_stage_duration_seconds_sum{stage="generate",${model}} 20`);
    expect(text).toContain(`darkroom_stage_duration_seconds_sum{stage="download",${model}} 10`);
    expect(text).toContain(`darkroom_generation_duration_seconds_sum{${model}} 50`);
    expect(text).toContain('darkroom_queue_wait_seconds_sum{lane="high"} 10');
    expect(text).toContain(`darkroom_cost_usd_total{${model}} 0.003`);
  });

  it('tells retried, deferred and final failures apart, and counts the wait once', async () => {
    const text = await metricsAfter(
      asked,
      started('generate'),
      failed(2, true, false),
      started('generate'),
      failed(4, true),
      started('generate'),
      failed(6, true),
    );
    expect(text).toContain(`darkroom_attempts_total{stage="generate",outcome="deferred",${model}} 1`);
    expect(text).toContain(`darkroom_attempts_total{stage="generate",outcome="retried",${model}} 1`);
    expect(text).toContain(`darkroom_attempts_total{stage="generate",outcome="failed",${model}} 1`);
    expect(text).toContain('darkroom_failures_total{stage="generate",code="provider_unavailable"} 3');
    expect(text).toContain(`darkroom_generations_total{status="failed",${model}} 1`);
    expect(text).toContain('darkroom_queue_wait_seconds_count{lane="high"} 1');
  });

  it('counts a cancelled generation, and no attempt when none was in hand', async () => {
    const text = await metricsAfter(asked, { type: 'Cancel', by: 'user', reason: null });
    expect(text).toContain(`darkroom_generations_total{status="cancelled",${model}} 1`);
    expect(text).not.toContain('darkroom_attempts_total{');
  });

  it('measures a scheduled generation from when it was due', async () => {
    const text = await metricsAfter(
      { type: 'Request', request: { ...request, scheduled_at: at(7) } },
      started('generate'),
    );
    expect(text).toContain('darkroom_queue_wait_seconds_sum{lane="high"} 3');
  });
});
