import { describe, expect, it } from '@jest/globals';
import { decide } from './decide.js';
import {
  cancel,
  download,
  fail,
  failAttempt,
  generate,
  held,
  minute,
  predict,
  requested,
  retry,
  Scenario,
  start,
  type Intent,
} from './spec-support.js';

type Step = Intent | ((scenario: Scenario) => Intent);

/** The ways to each state that a generation can be in. */
const WAYS = {
  scheduled: [requested({ scheduled_at: minute(100) })],
  queued: [requested()],
  processing: [requested(), start('generate')],
  predicted: [requested(), start('generate'), held(predict)],
  generated: [requested(), start('generate'), held(predict), held(generate)],
  downloading: [requested(), start('generate'), held(predict), held(generate), start('download')],
  completed: [requested(), start('generate'), held(predict), held(generate), start('download'), held(download)],
  failed: [requested(), fail('internal')],
  cancelled: [requested(), cancel],
} satisfies Record<string, Step[]>;
type Place = keyof typeof WAYS;

const at = (place: Place) => new Scenario().given(...WAYS[place]);

describe('each command in each state', () => {
  const COMMANDS: Record<string, (scenario: Scenario) => Intent> = {
    Request: () => requested(),
    'StartAttempt generate': () => start('generate'),
    'StartAttempt download': () => start('download'),
    RecordPrediction: (scenario) => predict(scenario.fence),
    RecordGenerated: (scenario) => generate(scenario.fence),
    RecordDownloaded: (scenario) => download(scenario.fence),
    FailAttempt: (scenario) => failAttempt(scenario.fence, 'internal'),
    Fail: () => fail('delivery_exhausted'),
    Cancel: () => cancel,
    Retry: () => retry,
  };
  const [INVALID, STALE, SAME] = ['invalid_state', 'stale_attempt', 'unchanged'];
  const EXPECTED: Record<keyof typeof COMMANDS, Record<Place, string>> = {
    Request: everywhere('already_exists'),
    'StartAttempt generate': {
      ...everywhere(INVALID),
      scheduled: 'AttemptStarted',
      queued: 'AttemptStarted',
      processing: STALE,
      predicted: STALE,
    },
    'StartAttempt download': { ...everywhere(INVALID), generated: 'AttemptStarted', downloading: STALE },
    RecordPrediction: { ...whileOpen(STALE), processing: 'PredictionCreated', predicted: SAME },
    RecordGenerated: { ...whileOpen(STALE), predicted: 'Generated' },
    RecordDownloaded: { ...whileOpen(STALE), downloading: 'Downloaded' },
    FailAttempt: {
      ...whileOpen(STALE),
      processing: 'AttemptFailed',
      predicted: 'AttemptFailed',
      downloading: 'AttemptFailed',
    },
    Fail: whileOpen('Failed'),
    Cancel: { ...whileOpen('Cancelled'), cancelled: SAME },
    Retry: { ...everywhere(INVALID), failed: 'RetryRequested' },
  };

  function everywhere(outcome: string): Record<Place, string> {
    return Object.fromEntries(Object.keys(WAYS).map((place) => [place, outcome])) as Record<Place, string>;
  }

  function whileOpen(outcome: string): Record<Place, string> {
    return { ...everywhere(outcome), completed: INVALID, failed: INVALID, cancelled: INVALID };
  }

  const cases = Object.entries(COMMANDS).flatMap(([name, intent]) =>
    (Object.keys(WAYS) as Place[]).map((place) => [name, place, EXPECTED[name]?.[place] ?? '', intent] as const),
  );
  it.each(cases)('%s on %s: %s', (_, place, expected, intent) => {
    const scenario = at(place);
    const outcome = scenario.when(intent(scenario));
    const told = outcome === 'unchanged' ? outcome : 'type' in outcome ? outcome.type : outcome.code;
    expect(told).toBe(expected);
  });

  it.each(Object.entries(COMMANDS).filter(([name]) => name !== 'Request'))('%s on nothing: not_found', (_, intent) => {
    expect(new Scenario().when(intent({ fence: 0 } as Scenario))).toMatchObject({ code: 'not_found' });
  });
});

describe('a command that comes twice', () => {
  it('changes nothing, even if it would be refused by now', () => {
    const scenario = new Scenario().given(requested());
    const command = { ...start('generate'), commandId: 'once', at: minute(5) } as Parameters<typeof decide>[0];
    scenario.decide(command);
    expect(scenario.decide(command)).toBe('unchanged');
    expect(scenario.state.version).toBe(2);
  });
});

describe('attempts', () => {
  const oneFailure: Step[] = [start('generate'), held((fence) => failAttempt(fence, 'provider_unavailable'))];

  it('begin only over what their worker has seen, if it says so', () => {
    const scenario = new Scenario().given(requested(), ...oneFailure);
    expect(scenario.when(start('generate', null, 1))).toMatchObject({ code: 'stale_attempt' });
    expect(scenario.when(start('generate', null, 3))).toMatchObject({ type: 'AttemptStarted' });
  });

  it('end after exactly max_attempts: 3 run 3 times', () => {
    const scenario = new Scenario().given(requested({ max_attempts: 3 }), ...oneFailure, ...oneFailure);
    expect(scenario.state).toMatchObject({ status: 'queued', spent: { generate: 2 } });
    scenario.given(start('generate'));
    expect(scenario.when(failAttempt(scenario.fence, 'provider_unavailable'))).toMatchObject({
      type: 'Failed',
      data: { stage: 'generate', attempts: 3, error: { code: 'provider_unavailable', retryable: false } },
    });
    expect(
      scenario.history.filter((event) => event.type === 'AttemptStarted').map((event) => event.data),
    ).toMatchObject([{ attempt: 1 }, { attempt: 2 }, { attempt: 3 }]);
  });

  it('are not failed before their retry', () => {
    const scenario = new Scenario().given(requested(), ...oneFailure);
    expect(scenario.state).toMatchObject({ status: 'queued', retryAt: minute(500), completedAt: null });
  });

  it('end at once with an error that no retry helps', () => {
    const scenario = at('predicted');
    expect(scenario.when(failAttempt(scenario.fence, 'content_refused', { retryable: false }))).toMatchObject({
      type: 'Failed',
      data: { attempts: 1 },
    });
  });

  it('are not used up by throttling', () => {
    const scenario = new Scenario().given(requested({ max_attempts: 1 }));
    for (let round = 0; round < 5; round++) {
      scenario.given(
        start('generate'),
        held((fence) => failAttempt(fence, 'provider_throttled', { counted: false })),
      );
    }
    expect(scenario.state).toMatchObject({ status: 'queued', spent: { generate: 0 } });
    scenario.given(start('generate'), held(predict), held(generate));
    expect(scenario.state).toMatchObject({ status: 'downloading', spent: { generate: 1 } });
  });

  it('are counted by stage', () => {
    const scenario = new Scenario().given(requested({ max_attempts: 2 }), ...oneFailure);
    scenario.given(start('generate'), held(predict), held(generate));
    scenario.given(
      start('download'),
      held((fence) => failAttempt(fence, 'download_failed')),
    );
    expect(scenario.state).toMatchObject({ status: 'downloading', stage: 'download' });
    scenario.given(start('download'));
    expect(scenario.when(failAttempt(scenario.fence, 'download_failed'))).toMatchObject({
      type: 'Failed',
      data: { stage: 'download', attempts: 2 },
    });
  });

  it('of an overtaken worker have nothing to say', () => {
    const scenario = new Scenario().given(requested(), start('generate'));
    const overtaken = scenario.fence;
    scenario.given(failAttempt(overtaken, 'internal'), start('generate'), held(predict));
    for (const intent of [generate(overtaken), failAttempt(overtaken, 'internal'), predict(overtaken, 'other')]) {
      expect(scenario.when(intent)).toMatchObject({ code: 'stale_attempt' });
    }
    expect(scenario.when(predict(scenario.fence, 'another'))).toMatchObject({ code: 'stale_attempt' });
  });

  it('keep downloading what is paid for: a failed download buys nothing', () => {
    const scenario = at('downloading');
    scenario.given(held((fence) => failAttempt(fence, 'storage_unavailable')));
    expect(scenario.state).toMatchObject({ status: 'downloading', stage: 'download', generated: { attempt: 1 } });
    expect(scenario.when(start('generate'))).toMatchObject({ code: 'invalid_state' });
  });
});

describe('an output that has expired', () => {
  it('goes back to generate', () => {
    const scenario = at('downloading').given(held((fence) => failAttempt(fence, 'output_expired')));
    expect(scenario.state).toMatchObject({ status: 'queued', stage: 'generate', generated: null });
    scenario.given(start('generate'), (given) => predict(given.fence, 'prediction-2'), held(generate));
    expect(scenario.state).toMatchObject({ status: 'downloading', spent: { generate: 2, download: 0 } });
  });

  it('fails the generation when no attempt to generate is left', () => {
    const scenario = new Scenario().given(requested({ max_attempts: 1 }), ...WAYS.downloading.slice(1));
    expect(scenario.when(failAttempt(scenario.fence, 'output_expired'))).toMatchObject({ type: 'Failed' });
    expect(scenario.when(retry)).toMatchObject({ data: { stage: 'generate' } });
  });
});

describe('an outcome that is unknown', () => {
  const deadline = minute(60);
  const lost = (max_attempts: number) =>
    new Scenario().given(
      requested({ max_attempts }),
      start('generate', deadline),
      held((fence) => failAttempt(fence, 'outcome_unknown', { retryAt: minute(10) })),
    );

  it('waits until no prediction can be running any more', () => {
    const scenario = lost(3);
    expect(scenario.state).toMatchObject({ retryAt: deadline, unresolved: { attempt: 1 } });
    expect(scenario.when(start('generate'), minute(59))).toMatchObject({ code: 'too_early' });
    expect(scenario.when(start('generate'), deadline)).toMatchObject({ data: { attempt: 2 } });
    expect(scenario.state.unresolved).toBeNull();
  });

  it('waits at the last attempt too, and then is exhausted', () => {
    const scenario = lost(1);
    expect(scenario.state).toMatchObject({ status: 'queued', spent: { generate: 1 } });
    expect(scenario.when(start('generate'), minute(59))).toMatchObject({ code: 'too_early' });
    expect(scenario.when(start('generate'), deadline)).toMatchObject({ code: 'attempts_exhausted' });
    expect(scenario.when(fail('outcome_unknown'))).toMatchObject({ data: { attempts: 1 } });
  });

  it('is adopted after the attempt was given up, which is then not spent', () => {
    const scenario = lost(2);
    const { fence } = scenario.state.unresolved!;
    scenario.given(predict(fence, 'prediction-1', true));
    expect(scenario.state).toMatchObject({
      status: 'processing',
      spent: { generate: 0 },
      current: { attempt: 1, fence, prediction: { id: 'prediction-1' } },
      unresolved: null,
      retryAt: null,
    });
    expect(scenario.when(predict(fence, 'prediction-1', true))).toBe('unchanged');
    expect(scenario.when(start('generate'))).toMatchObject({ code: 'stale_attempt' });

    scenario.given(held((held) => failAttempt(held, 'prediction_failed')));
    expect(scenario.state).toMatchObject({ status: 'queued', spent: { generate: 1 }, unresolved: null });
    scenario.given(start('generate'));
    expect(scenario.when(failAttempt(scenario.fence, 'prediction_failed'))).toMatchObject({ data: { attempts: 2 } });
  });

  it('at the last attempt is adopted and completes', () => {
    const scenario = lost(1).given(held(predict), held(generate), start('download'), held(download));
    expect(scenario.state).toMatchObject({ status: 'completed', spent: { generate: 1, download: 1 } });
  });

  it('is none once the prediction is known', () => {
    const scenario = at('predicted');
    expect(scenario.when(failAttempt(scenario.fence, 'outcome_unknown'))).toMatchObject({ code: 'stale_attempt' });
  });

  it('of a known prediction, whose work was given up, can be taken up again', () => {
    const scenario = at('predicted').given(fail('delivery_exhausted'), retry);
    const { fence } = scenario.state.unresolved!;
    expect(scenario.when(predict(fence, 'other', true))).toMatchObject({ code: 'stale_attempt' });
    scenario.given(predict(fence, 'prediction-1', true), held(generate));
    expect(scenario.state).toMatchObject({ status: 'downloading', spent: { generate: 1 } });
  });

  it('comes too late once another attempt has begun', () => {
    const scenario = lost(3);
    const { fence } = scenario.state.unresolved!;
    scenario.when(start('generate'), deadline);
    expect(scenario.when(predict(fence, 'prediction-1', true))).toMatchObject({ code: 'stale_attempt' });
  });
});

describe('a cancellation', () => {
  it.each(['processing', 'predicted', 'downloading'] as const)('wins over a worker that is %s', (place) => {
    const scenario = at(place);
    const { fence, state } = scenario;
    scenario.given(cancel);
    for (const late of [predict(fence, 'late'), generate(fence), download(fence), failAttempt(fence, 'internal')]) {
      expect(scenario.when(late)).toMatchObject({ code: 'invalid_state' });
    }
    expect(scenario.state).toMatchObject({ status: 'cancelled', current: state.current });
  });

  it('knows the prediction that is to be cancelled', () => {
    expect(at('predicted').given(cancel).state.current?.prediction?.id).toBe('prediction-1');
  });

  it('of a scheduled generation leaves nothing that could start', () => {
    expect(at('scheduled').given(cancel).when(start('generate'))).toMatchObject({ code: 'invalid_state' });
  });

  it('that comes after the end is refused, and nothing is lost', () => {
    const scenario = at('completed');
    expect(scenario.when(cancel)).toMatchObject({ code: 'invalid_state' });
    expect(scenario.state.images).toHaveLength(1);
  });
});

describe('a retry', () => {
  const failedDownload = () =>
    at('downloading').given(held((fence) => failAttempt(fence, 'image_invalid', { retryable: false })));

  it('of a failed generation generates, with all attempts anew', () => {
    const scenario = at('failed').given(retry);
    expect(scenario.state).toMatchObject({ status: 'queued', stage: 'generate', error: null, completedAt: null });
    expect(scenario.state.spent).toEqual({ generate: 0, download: 0 });
  });

  it('of a failed download downloads', () => {
    const scenario = failedDownload().given(retry);
    expect(scenario.state).toMatchObject({
      status: 'downloading',
      stage: 'download',
      spent: { generate: 0, download: 0 },
    });
    scenario.given(start('download'), held(download));
    expect(scenario.state).toMatchObject({ status: 'completed' });
    expect(scenario.history.filter((event) => event.type === 'Generated')).toHaveLength(1);
  });

  it('of a failed download generates when its output is gone', () => {
    expect(failedDownload().when(retry, minute(1000))).toMatchObject({ data: { stage: 'generate' } });
  });
});

it('a schedule that is already due is queued', () => {
  expect(new Scenario().given(requested({ scheduled_at: minute(0) })).state.status).toBe('queued');
});
