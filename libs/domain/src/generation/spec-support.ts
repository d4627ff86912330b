import type { Command } from './commands.js';
import { decide, type Rejection } from './decide.js';
import type { EventData, GenerationEvent, GenerationInput, Stage } from './events.js';
import type { FailureCode } from './failure-codes.js';
import { fold, type Generation } from './generation.js';

/** A command without its id and time, which `Scenario` gives. */
export type Intent = Command extends infer C ? (C extends Command ? Omit<C, 'commandId' | 'at'> : never) : never;

/** ISO time of a minute of the day that the scenarios play on. */
export function minute(minutes: number): string {
  return new Date(Date.UTC(2026, 0, 1) + minutes * 60_000).toISOString();
}

const INPUT: GenerationInput = {
  prompt: 'a cat',
  negative_prompt: null,
  width: null,
  height: null,
  aspect_ratio: null,
  num_inference_steps: null,
  guidance_scale: null,
  seed: 0,
  num_outputs: 1,
  output_format: null,
  source_image_url: null,
  source_image_id: null,
  reference_image_urls: [],
  strength: null,
  style: null,
  model_options: {},
};

export function request(changes: Partial<EventData['GenerationRequested']> = {}): EventData['GenerationRequested'] {
  return {
    user_id: 'user-1',
    model_id: 'black-forest-labs/flux-schnell',
    input: INPUT,
    provider_input: { prompt: 'a cat', seed: 0 },
    provider_version: null,
    priority: 0,
    lane: 'normal',
    max_attempts: 3,
    scheduled_at: null,
    deadline: null,
    concurrency_limit: null,
    webhook: null,
    metadata: {},
    request_hash: 'hash',
    estimated_cost_usd: 0.003,
    warnings: [],
    batch_id: null,
    ...changes,
  };
}

/**
 * A generation told by the commands that reach it, a minute apart. A command that must be accepted is `given`; `when`
 * tells what becomes of the last one.
 */
export class Scenario {
  private readonly events: GenerationEvent[] = [];
  private clock = 0;

  get state(): Generation {
    const state = fold(this.events);
    if (!state) throw new Error('Nothing was requested');
    return state;
  }

  get history(): readonly GenerationEvent[] {
    return this.events;
  }

  get fence(): number {
    return this.state.current?.fence ?? this.state.unresolved?.fence ?? 0;
  }

  when(intent: Intent, at = minute(++this.clock)): GenerationEvent | 'unchanged' | Rejection {
    return this.decide({ ...intent, commandId: `command-${this.clock}-${this.events.length}`, at });
  }

  decide(command: Command): GenerationEvent | 'unchanged' | Rejection {
    const decision = decide(command, fold(this.events));
    if (decision.kind === 'rejected') return decision.rejection;
    if (decision.kind === 'unchanged') return 'unchanged';
    this.events.push(decision.event);
    return decision.event;
  }

  given(...intents: (Intent | ((scenario: this) => Intent))[]): this {
    for (const intent of intents) {
      const outcome = this.when(typeof intent === 'function' ? intent(this) : intent);
      if (outcome === 'unchanged' || !('type' in outcome)) throw new Error(`Not accepted: ${JSON.stringify(outcome)}`);
    }
    return this;
  }
}

export const requested = (changes?: Partial<EventData['GenerationRequested']>): Intent => ({
  type: 'Request',
  request: request(changes),
});

export const start = (stage: Stage, deadline: string | null = null, seen?: number): Intent => ({
  type: 'StartAttempt',
  stage,
  worker: 'worker-1',
  deadline,
  seen,
});

export const predict = (fence: number, predictionId = 'prediction-1', adopted = false): Intent => ({
  type: 'RecordPrediction',
  fence,
  provider: 'replicate',
  predictionId,
  deadline: null,
  adopted,
});

export const generate = (fence: number, outputsExpireAt = minute(1000)): Intent => ({
  type: 'RecordGenerated',
  fence,
  outputs: ['https://replicate.delivery/1.webp'],
  outputsExpireAt,
  metrics: { predict_time: 0.8, total_time: 1.2 },
  seed: 0,
  actualCostUsd: 0.003,
});

export const download = (fence: number): Intent => ({
  type: 'RecordDownloaded',
  fence,
  images: [
    {
      id: '0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e11',
      index: 0,
      storage_key: 'images/1.webp',
      format: 'webp',
      content_type: 'image/webp',
      width: 1024,
      height: 1024,
      bytes: 12_345,
      sha256: 'a'.repeat(64),
      blurhash: 'L6PZfSi_.AyE_3t7t7R**0o#DgR4',
      thumbnails: [],
    },
  ],
});

export const failAttempt = (
  fence: number,
  code: FailureCode,
  {
    retryable = true,
    counted = true,
    retryAt = minute(500),
    giveUpAt,
  }: { retryable?: boolean; counted?: boolean; retryAt?: string; giveUpAt?: string } = {},
): Intent => ({ type: 'FailAttempt', fence, error: { code, message: code, retryable }, retryAt, giveUpAt, counted });

export const fail = (code: FailureCode): Intent => ({
  type: 'Fail',
  error: { code, message: code, retryable: false },
});
export const cancel: Intent = { type: 'Cancel', by: 'user-1', reason: null };
export const retry: Intent = { type: 'Retry', by: 'user-1' };

/** The same intents under the fence that is in hand when they come to their turn. */
export const held = (intent: (fence: number) => Intent) => (scenario: Scenario) => intent(scenario.fence);
