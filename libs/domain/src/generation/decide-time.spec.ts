import { describe, expect, it } from '@jest/globals';
import {
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
} from './spec-support.js';

describe('the time of a generation', () => {
  it('ends it instead of another attempt', () => {
    const scenario = new Scenario().given(requested(), start('generate'));
    const late = { retryAt: minute(20), giveUpAt: minute(20) };
    expect(scenario.when(failAttempt(scenario.fence, 'provider_unavailable', late))).toMatchObject({
      type: 'Failed',
      data: {
        attempts: 1,
        error: {
          code: 'generation_timeout',
          message: 'No time was left for another attempt: provider_unavailable',
          retryable: false,
        },
      },
    });
  });

  it('leaves an attempt that can still begin before its end', () => {
    const scenario = new Scenario().given(requested(), start('generate'));
    const inTime = { retryAt: minute(20), giveUpAt: minute(21) };
    expect(scenario.when(failAttempt(scenario.fence, 'provider_unavailable', inTime))).toMatchObject({
      type: 'AttemptFailed',
    });
  });

  it.each([
    ['an unknown outcome, whose prediction may still turn up', 'outcome_unknown', true],
    ["what was nobody's attempt", 'provider_out_of_credit', false],
  ] as const)('does not end %s', (_, code, counted) => {
    const scenario = new Scenario().given(requested(), start('generate'));
    const late = { retryAt: minute(20), giveUpAt: minute(20), counted };
    expect(scenario.when(failAttempt(scenario.fence, code, late))).toMatchObject({ type: 'AttemptFailed' });
  });

  it('begins with the first attempt, and anew with a redrive', () => {
    const scenario = new Scenario().given(requested());
    expect(scenario.state.runningSince).toBeNull();
    scenario.given(start('generate'));
    const began = scenario.state.runningSince;
    expect(began).toBe(scenario.state.startedAt);
    scenario.given(
      held((fence) => failAttempt(fence, 'provider_unavailable')),
      start('generate'),
    );
    expect(scenario.state.runningSince).toBe(began);
    scenario.given(fail('internal'), retry);
    expect(scenario.state.runningSince).toBeNull();
    scenario.given(start('generate'));
    expect(scenario.state.runningSince).toBe(scenario.state.current?.startedAt);
  });

  it("does not pass while it waits for what is nobody's attempt", () => {
    const scenario = new Scenario().given(requested());
    scenario.when(start('generate'), minute(10));
    scenario.when(
      failAttempt(scenario.fence, 'provider_out_of_credit', { counted: false, retryAt: minute(75) }),
      minute(15),
    );
    expect(scenario.state.runningSince).toBe(minute(75));
  });
});

describe('the deadline of the client', () => {
  const useless = requested({ deadline: minute(5) });

  it('keeps an attempt from beginning after it, and not before', () => {
    expect(new Scenario().given(useless).when(start('generate'), minute(5))).toMatchObject({ type: 'AttemptStarted' });
    expect(new Scenario().given(useless).when(start('generate'), minute(6))).toMatchObject({ code: 'deadline_passed' });
  });

  it('keeps nothing from being downloaded that was paid for', () => {
    const scenario = new Scenario().given(useless, start('generate'), held(predict), held(generate));
    expect(scenario.when(start('download'), minute(6))).toMatchObject({ type: 'AttemptStarted' });
  });
});
