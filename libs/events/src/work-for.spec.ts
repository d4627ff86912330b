import { describe, expect, it } from '@jest/globals';
import { fold, type EventData, type EventType, type GenerationEvent } from '@darkroom/domain';
import { asksForWork, workFor } from './work-for.js';

const REQUEST = {
  user_id: 'user-1',
  model_id: 'black-forest-labs/flux-schnell',
  lane: 'high',
  max_attempts: 3,
  scheduled_at: null,
  concurrency_limit: null,
} as unknown as EventData['GenerationRequested'];

const NOW = '2030-01-01T00:00:00.000Z';
const LATER = '2030-01-01T00:10:00.000Z';

function event<T extends EventType>(type: T, data: EventData[T]): GenerationEvent {
  return { type, data, commandId: `${type}-${Math.random()}`, time: NOW } as GenerationEvent;
}

const requested = event('GenerationRequested', REQUEST);
const started = event('AttemptStarted', {
  stage: 'generate',
  attempt: 1,
  worker: 'w',
  deadline: LATER,
  sent_images: [],
});
const predicted = event('PredictionCreated', {
  attempt: 1,
  provider: 'replicate',
  prediction_id: 'p1',
  deadline: null,
  adopted: false,
});
const generated = event('Generated', {
  attempt: 1,
  prediction_id: 'p1',
  outputs: ['https://example.com/1.png'],
  outputs_expire_at: LATER,
  metrics: { predict_time: 1, total_time: 1 },
  seed: null,
  actual_cost_usd: null,
});
const failed = (code: 'delivery_exhausted' | 'prediction_failed') =>
  event('Failed', { stage: 'generate', attempts: 1, error: { code, message: '', retryable: false } });
const cancelled = event('Cancelled', { by: 'user-1', reason: null });
const retried = event('RetryRequested', { by: 'user-1', stage: 'generate' });

/** The work that the last of these events asks for. */
function workAfter(...events: GenerationEvent[]) {
  const last = events.at(-1)!;
  const work = workFor(last, fold(events)!);
  expect(asksForWork(last) || work === null).toBe(true);
  return work;
}

describe('workFor', () => {
  it('a request is generated at once, in its lane', () => {
    expect(workAfter(requested)).toEqual({ stage: 'generate', lane: 'high', at: null });
  });

  it('a scheduled request at its time, one whose time has passed at once', () => {
    const work = (scheduled_at: string) => workAfter(event('GenerationRequested', { ...REQUEST, scheduled_at }));
    expect(work(LATER)).toEqual({ stage: 'due', lane: 'high', at: LATER });
    expect(work('2029-01-01T00:00:00.000Z')).toEqual({ stage: 'generate', lane: 'high', at: null });
  });

  it('a scheduled request of a user with a limit is admitted at its time', () => {
    const limited = { ...REQUEST, scheduled_at: LATER, concurrency_limit: 2 };
    expect(workAfter(event('GenerationRequested', limited))).toEqual({ stage: 'admit', lane: 'high', at: LATER });
  });

  it('what was generated is downloaded', () => {
    expect(workAfter(requested, started, predicted, generated)).toEqual({ stage: 'download', lane: 'high', at: null });
  });

  it.each(['generate', 'download'] as const)('a failed attempt goes on at %s when its pause is over', (retry_stage) => {
    const error = { code: 'prediction_failed', message: '', retryable: true } as const;
    const data = { stage: 'generate', attempt: 1, error, retry_at: LATER, retry_stage, counted: true } as const;
    expect(workAfter(requested, started, event('AttemptFailed', data))).toEqual({
      stage: retry_stage,
      lane: 'high',
      at: LATER,
    });
  });

  it('a redrive begins at once, or when a prediction that nobody knows cannot be running any more', () => {
    const failure = failed('prediction_failed');
    expect(workAfter(requested, started, failure, retried)).toMatchObject({ stage: 'generate', at: null });
    expect(workAfter(requested, started, failed('delivery_exhausted'), retried)).toMatchObject({
      stage: 'due',
      at: LATER,
    });
    expect(workAfter(requested, started, predicted, failed('delivery_exhausted'), retried)?.at).toBeNull();
  });

  it('a cancelled generation has its prediction cancelled, also one that is still being asked for', () => {
    expect(workAfter(requested, started, cancelled)).toMatchObject({ stage: 'cancel' });
    expect(workAfter(requested, started, predicted, cancelled)).toMatchObject({ stage: 'cancel' });
    expect(workAfter(requested, cancelled)).toBeNull();
    expect(workAfter(requested, started, predicted, generated, cancelled)).toBeNull();
  });

  it('a prediction that turns up after its attempt was given up is waited for at once', () => {
    const error = { code: 'outcome_unknown', message: '', retryable: true } as const;
    const lost = { stage: 'generate', attempt: 1, error, retry_at: LATER, retry_stage: 'generate' } as const;
    const found = event('PredictionCreated', { ...predicted.data, adopted: true } as EventData['PredictionCreated']);
    const givenUp = [requested, started, event('AttemptFailed', { ...lost, counted: true })];
    expect(workAfter(...givenUp, found)).toEqual({ stage: 'generate', lane: 'high', at: null });
    // Whoever began the attempt has it in hand.
    expect(workAfter(requested, started, found)).toBeNull();
    expect(workFor(found, fold([...givenUp, found, generated])!)).toBeNull();
  });

  it('what has ended meanwhile asks for nothing any more', () => {
    const error = { code: 'prediction_failed', message: '', retryable: true } as const;
    const data = {
      stage: 'generate',
      attempt: 1,
      error,
      retry_at: LATER,
      retry_stage: 'generate',
      counted: true,
    } as const;
    const attemptFailed = event('AttemptFailed', data);
    expect(workFor(attemptFailed, fold([requested, started, attemptFailed, cancelled])!)).toBeNull();
  });

  it('the other facts ask for nothing', () => {
    expect(workAfter(requested, started)).toBeNull();
    expect(workAfter(requested, started, predicted)).toBeNull();
    expect(workAfter(requested, started, failed('prediction_failed'))).toBeNull();
  });
});
