import {
  decide,
  evolve,
  generationIdFrom,
  imageIdOf,
  prepareGeneration,
  type Command,
  type EventData,
  type Generation,
} from '@darkroom/domain';
import type { NewEvent } from '@darkroom/events';
import { v7 as uuidv7 } from 'uuid';
import { REQUEST } from './darkroom.js';

type RequestData = EventData['GenerationRequested'];
type Step = Command extends infer C ? (C extends Command ? Omit<C, 'commandId' | 'at'> : never) : never;

/** Events of a generation to which nothing happens on its way. */
export const EVENTS_OF_A_GENERATION = 6;

/** The first event of a new generation, as a gateway writes it. `own`: in what it is unlike the others. */
export function requested(own: Partial<RequestData> = {}): NewEvent {
  return new Story().next({ type: 'Request', request: { ...requestData(), ...own } });
}

/** Every event of a new generation, from its request to its stored image. */
export function completed(): NewEvent[] {
  const story = new Story();
  return [
    ...untilGenerated(story, 'https://provider.test/output/0.webp'),
    story.next({ type: 'StartAttempt', stage: 'download', worker: 'bench', deadline: null }),
    story.next({ type: 'RecordDownloaded', fence: story.fence, images: [imageOf(story.id)] }),
  ];
}

/** The events of a new generation up to where its image is to be downloaded from this address. */
export function generated(output: string): NewEvent[] {
  return untilGenerated(new Story(), output);
}

function untilGenerated(story: Story, output: string): NewEvent[] {
  const deadline = '2030-01-01T00:00:00.000Z';
  return [
    story.next({ type: 'Request', request: requestData() }),
    story.next({ type: 'StartAttempt', stage: 'generate', worker: 'bench', deadline }),
    story.next({
      type: 'RecordPrediction',
      fence: story.fence,
      provider: 'replicate',
      predictionId: `prediction-${story.id}`,
      deadline,
      adopted: false,
    }),
    story.next({
      type: 'RecordGenerated',
      fence: story.fence,
      outputs: [output],
      outputsExpireAt: deadline,
      metrics: { predict_time: 1.5, total_time: 2 },
      seed: 7,
      actualCostUsd: 0.003,
    }),
  ];
}

/** What a gateway makes of the benchmarks' request. */
export function requestData(): RequestData {
  const prepared = prepareGeneration(REQUEST);
  if (!prepared.ok) throw new Error(JSON.stringify(prepared.errors));
  return {
    user_id: 'bench',
    model_id: prepared.model.id,
    input: prepared.input,
    provider_input: prepared.providerInput,
    provider_version: prepared.providerVersion,
    priority: 0,
    lane: 'normal',
    max_attempts: 3,
    scheduled_at: null,
    deadline: null,
    concurrency_limit: null,
    webhook: null,
    metadata: REQUEST.metadata,
    request_hash: 'a'.repeat(64),
    estimated_cost_usd: prepared.estimatedCostUsd,
    warnings: prepared.warnings,
    batch_id: null,
  };
}

/** Events by the domain's rules. */
class Story {
  readonly id = generationIdFrom(uuidv7());
  #state: Generation | null = null;

  get fence(): number {
    return this.#state?.current?.fence ?? 0;
  }

  next(step: Step): NewEvent {
    const decision = decide({ ...step, commandId: uuidv7(), at: new Date().toISOString() }, this.#state);
    if (decision.kind !== 'event') throw new Error(`${step.type}: ${JSON.stringify(decision)}`);
    this.#state = evolve(this.#state, decision.event);
    return {
      ...decision.event,
      id: uuidv7(),
      generationId: this.id,
      version: this.#state.version,
      source: '/darkroom/bench',
      userId: decision.event.type === 'GenerationRequested' ? decision.event.data.user_id : 'bench',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
  }
}

function imageOf(generationId: string): EventData['Downloaded']['images'][number] {
  return {
    id: imageIdOf(generationId, 0),
    index: 0,
    storage_key: `${generationId}/0.webp`,
    format: 'webp',
    content_type: 'image/webp',
    width: 608,
    height: 416,
    bytes: 18_000,
    sha256: 'a'.repeat(64),
    blurhash: 'LEHV6nWB2yk8pyo0adR*.7kCMdnj',
    thumbnails: [],
  };
}
