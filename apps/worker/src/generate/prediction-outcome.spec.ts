import { describe, expect, it } from '@jest/globals';
import type { EventData } from '@darkroom/domain';
import { ProviderError, type Prediction, type ProviderErrorKind } from '@darkroom/provider';
import { afterPauseMs, createFailure, outcomeOf } from './prediction-outcome.js';

const NOW = '2030-01-01T01:00:00.000Z';

const REQUEST = {
  model_id: 'stability-ai/sdxl',
  input: { seed: null },
} as unknown as EventData['GenerationRequested'];

function prediction(fields: Partial<Prediction>): Prediction {
  return {
    id: 'p1',
    model: 'stability-ai/sdxl',
    status: 'succeeded',
    input: {},
    outputs: ['https://example.com/1.png'],
    dataRemoved: false,
    error: null,
    logs: 'Using seed: 4711\n 50%|█████',
    createdAt: '2030-01-01T00:59:00.000Z',
    completedAt: '2030-01-01T00:59:30.000Z',
    deadline: null,
    predictTime: 10,
    totalTime: 12,
    ...fields,
  };
}

const failureOf = (fields: Partial<Prediction>) => {
  const outcome = outcomeOf(prediction(fields), REQUEST, NOW);
  return outcome.kind === 'failed' ? [outcome.error.code, outcome.error.retryable] : outcome;
};

describe('outcomeOf', () => {
  it('a success is its files, until an hour after its end, with the seed that was drawn and what it cost', () => {
    expect(outcomeOf(prediction({}), REQUEST, NOW)).toEqual({
      kind: 'generated',
      outputs: ['https://example.com/1.png'],
      outputsExpireAt: '2030-01-01T01:59:30.000Z',
      metrics: { predict_time: 10, total_time: 12 },
      seed: 4711,
      actualCostUsd: 0.00975,
    });
  });

  it('a seed that was asked for is not read from the logs, 0 included', () => {
    const request = { ...REQUEST, input: { ...REQUEST.input, seed: 0 } };
    expect(outcomeOf(prediction({}), request, NOW)).toMatchObject({ seed: 0 });
    expect(outcomeOf(prediction({ logs: 'no number here' }), REQUEST, NOW)).toMatchObject({ seed: null });
  });

  it.each([
    [{ outputs: [] }, 'empty_output', true],
    [{ outputs: [], dataRemoved: true }, 'output_expired', true],
    [{ status: 'failed', error: 'CUDA out of memory' }, 'prediction_failed', true],
    [{ status: 'failed', error: null }, 'prediction_failed', true],
    [{ status: 'failed', error: 'NSFW content detected' }, 'content_refused', false],
    [{ status: 'failed', error: 'The input or output was flagged as sensitive. (E005)' }, 'content_refused', false],
    [{ status: 'aborted' }, 'prediction_aborted', true],
    [{ status: 'canceled', deadline: '2030-01-01T00:59:59.000Z' }, 'prediction_timeout', true],
    [{ status: 'canceled', deadline: '2030-01-01T02:00:00.000Z' }, 'prediction_canceled', false],
    [{ status: 'canceled' }, 'prediction_canceled', false],
  ] as const satisfies readonly (readonly [Partial<Prediction>, string, boolean])[])(
    '%j is %s',
    (fields, code, retryable) => {
      expect(failureOf(fields)).toEqual([code, retryable]);
    },
  );
});

describe('createFailure', () => {
  it.each([
    ['throttled', 'provider_throttled', true, false],
    ['out_of_credit', 'provider_out_of_credit', true, false],
    ['unauthorized', 'provider_unauthorized', false, true],
    ['rejected', 'provider_rejected', false, true],
    ['not_found', 'provider_rejected', false, true],
    ['unavailable', 'provider_unavailable', true, true],
    ['outcome_unknown', 'outcome_unknown', true, true],
  ] as const satisfies readonly (readonly [ProviderErrorKind, string, boolean, boolean])[])(
    '%s is %s (retryable: %s, an attempt: %s)',
    (kind, code, retryable, counted) => {
      const failure = createFailure(new ProviderError(kind, 'why'), 60_000);
      expect(failure).toMatchObject({ error: { code, message: 'why', retryable }, counted });
    },
  );

  it('waits as long as the provider says', () => {
    expect(createFailure(new ProviderError('throttled', '', { retryAfterSeconds: 7 }), 60_000).pauseMs).toBe(7_000);
    expect(createFailure(new ProviderError('throttled', ''), 60_000).pauseMs).toBe(5_000);
    expect(createFailure(new ProviderError('out_of_credit', ''), 60_000).pauseMs).toBe(60_000);
    expect(createFailure(new ProviderError('unavailable', ''), 60_000).pauseMs).toBeNull();
  });

  it('those who wait for the same come back one after another, and none too early', () => {
    expect([0, 0.5, 1].map((random) => afterPauseMs(4_000, random))).toEqual([4_000, 4_500, 5_000]);
    expect(afterPauseMs(3_600_000, 1)).toBe(3_605_000);
    expect(afterPauseMs(0, 1)).toBe(0);
  });
});
