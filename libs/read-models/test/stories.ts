import {
  decide,
  evolve,
  imageIdOf,
  isTerminal,
  type Command,
  type EventData,
  type Generation,
  type StoredImage,
} from '@darkroom/domain';
import type { RecordedEvent } from '@darkroom/events';
import { Random } from '../../../test/support/random.js';

/** A request as the gateway writes it. */
export function request(overrides: Partial<EventData['GenerationRequested']> = {}): EventData['GenerationRequested'] {
  return {
    user_id: 'user-1',
    model_id: 'acme/fast',
    input: {
      prompt: 'a lighthouse at night',
      negative_prompt: null,
      width: 512,
      height: 512,
      aspect_ratio: null,
      num_inference_steps: null,
      guidance_scale: 3.5,
      seed: 7,
      num_outputs: 2,
      output_format: 'webp',
      source_image_url: null,
      source_image_id: null,
      reference_image_urls: [],
      strength: null,
      style: null,
      model_options: {},
    },
    provider_input: { prompt: 'a lighthouse at night', seed: 7 },
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
    ...overrides,
  };
}

/** A generation id for the n-th generation: distinct, and in order of n. */
export function generationId(n: number): string {
  const hex = n.toString(16).padStart(12, '0');
  return `019b0000-0000-7000-8000-${hex.slice(1)}0`;
}

type Action = Command extends infer C ? (C extends Command ? Omit<C, 'commandId' | 'at'> : never) : never;

/** Writes a log by the rules of the domain: every event in it was decided. Time passes by a minute each. */
export class Story {
  readonly events: RecordedEvent[] = [];
  readonly states = new Map<string, Generation>();

  constructor(private clock = Date.parse('2026-01-01T00:00:00.000Z')) {}

  get now(): string {
    return new Date(this.clock).toISOString();
  }

  /** The n-th generation, requested. */
  requested(n: number, overrides: Partial<EventData['GenerationRequested']> = {}): string {
    const id = generationId(n);
    this.act(id, { type: 'Request', request: request(overrides) });
    return id;
  }

  act(id: string, action: Action): void {
    this.clock += 60_000;
    const position = this.events.length + 1;
    const state = this.states.get(id) ?? null;
    const decision = decide({ ...action, commandId: `command-${position}`, at: this.now }, state);
    if (decision.kind !== 'event') throw new Error(`${action.type}: ${JSON.stringify(decision)}`);
    const next = evolve(state, decision.event);
    this.states.set(id, next);
    this.events.push({
      ...decision.event,
      id: generationId(position),
      generationId: id,
      version: next.version,
      position,
      source: '/darkroom/test',
      userId: next.request.user_id,
      traceparent: null,
    });
  }

  /** One step on the way that a worker without trouble takes. */
  advance(id: string, step: number): void {
    const state = this.states.get(id)!;
    const fence = state.current?.fence ?? 0;
    if (!state.current) {
      this.act(id, { type: 'StartAttempt', stage: state.stage, worker: 'w', deadline: null });
    } else if (state.stage === 'download') {
      this.act(id, { type: 'RecordDownloaded', fence, images: [image(id, 0, step), image(id, 1, step)] });
    } else if (!state.current.prediction) {
      const predictionId = `prediction-${step}`;
      this.act(id, {
        type: 'RecordPrediction',
        fence,
        provider: 'replicate',
        predictionId,
        deadline: null,
        adopted: false,
      });
    } else {
      this.act(id, {
        type: 'RecordGenerated',
        fence,
        outputs: ['https://example.test/a.webp'],
        outputsExpireAt: '2027-01-01T00:00:00.000Z',
        metrics: { predict_time: 1.5, total_time: 2 },
        seed: step,
        actualCostUsd: step % 7 === 0 ? null : Number((0.1 + step / 1_000_000).toFixed(6)),
      });
    }
  }

  failAttempt(id: string): void {
    const fence = this.states.get(id)!.current!.fence;
    const error = { code: 'provider_unavailable', message: 'Away', retryable: true } as const;
    this.act(id, { type: 'FailAttempt', fence, error, retryAt: this.now, counted: true });
  }
}

function image(generation: string, index: number, step: number): StoredImage {
  return {
    id: imageIdOf(generation, index),
    index,
    storage_key: `${generation}/${index}.webp`,
    format: 'webp',
    content_type: 'image/webp',
    width: 512,
    height: 512,
    bytes: 1_000 + step,
    sha256: 'a'.repeat(64),
    blurhash: 'LEHV6nWB2yk8pyo0adR*.7kCMdnj',
    thumbnails: [],
  };
}

/** A log of many generations by several users, interleaved, that go every way there is. The same for the same seed. */
export function mixedStory(count: number, seed: number): Story {
  const random = new Random(seed);
  const story = new Story();
  const open: string[] = [];
  let begun = 0;
  for (let step = 0; begun < count || open.length > count / 10; step++) {
    if (begun < count && random.next() < 0.25) {
      const scheduled = random.next() < 0.1 ? '2026-06-01T00:00:00.000Z' : null;
      open.push(
        story.requested(++begun, {
          user_id: `user-${Math.floor(random.next() * 20)}`,
          model_id: random.pick(['acme/fast', 'acme/fine', 'other/model']),
          scheduled_at: scheduled,
          batch_id: random.next() < 0.2 ? `batch-${Math.floor(begun / 10)}` : null,
          metadata: random.next() < 0.5 ? { order: `${begun % 50}`, tier: random.pick(['a', 'b']) } : {},
        }),
      );
      continue;
    }
    const at = Math.floor(random.next() * open.length);
    const id = open[at];
    if (id === undefined) continue;
    const state = story.states.get(id)!;
    const chance = random.next();
    if (state.status === 'failed') story.act(id, { type: 'Retry', by: 'operator' });
    else if (chance < 0.04) story.act(id, { type: 'Cancel', by: 'user', reason: null });
    else if (chance < 0.15 && state.current) story.failAttempt(id);
    else story.advance(id, step);

    const after = story.states.get(id)!;
    if (isTerminal(after.status) && !(after.status === 'failed' && random.next() < 0.5)) open.splice(at, 1);
  }
  return story;
}
