import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Command } from './commands.js';
import type { EventType, GenerationEvent, Stage } from './events.js';
import { FAILURE_CODES } from './failure-codes.js';
import { evolve, fold, isTerminal, type Generation, type Status } from './generation.js';
import {
  cancel,
  download,
  fail,
  failAttempt,
  generate,
  minute,
  predict,
  requested,
  retry,
  Scenario,
  start,
  type Intent,
} from './spec-support.js';

/** The state machine as the design has it, written down apart from the code: status before → event → statuses after. */
const OPEN = { Failed: ['failed'], Cancelled: ['cancelled'] } as const;
const ALLOWED: Record<Status | 'none', Partial<Record<EventType, readonly Status[]>>> = {
  none: { GenerationRequested: ['scheduled', 'queued'] },
  scheduled: { ...OPEN, AttemptStarted: ['processing'] },
  queued: { ...OPEN, AttemptStarted: ['processing'], PredictionCreated: ['processing'] },
  processing: {
    ...OPEN,
    PredictionCreated: ['processing'],
    Generated: ['downloading'],
    AttemptFailed: ['queued'],
  },
  downloading: {
    ...OPEN,
    AttemptStarted: ['downloading'],
    AttemptFailed: ['downloading', 'queued'],
    Downloaded: ['completed'],
  },
  completed: {},
  failed: { RetryRequested: ['queued', 'downloading'] },
  cancelled: {},
};

/** What somebody tries next: workers mostly under the fence in hand, sometimes under one that was never theirs. */
type Try = (state: Generation | null) => Intent;

const stage = fc.constantFrom<Stage>('generate', 'download');
const fenceOf = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constant((state: Generation | null) => state?.current?.fence ?? state?.unresolved?.fence),
  },
  { weight: 1, arbitrary: fc.nat(20).map((fence) => () => fence) },
);
const predictionId = fc.constantFrom('prediction-1', 'prediction-2');
const time = fc.nat(1200).map(minute);

const attempt: fc.Arbitrary<Try> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(stage, time).map(([at, deadline]) => (state: Generation | null) => {
      const due = state && !state.current ? state.stage : at;
      return start(due, due === 'generate' ? deadline : null);
    }),
  },
  { weight: 1, arbitrary: stage.map((at) => () => start(at)) },
);
const failure = fc
  .tuple(
    fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom('outcome_unknown' as const, 'output_expired' as const) },
      { weight: 2, arbitrary: fc.constantFrom(...FAILURE_CODES) },
    ),
    fc.record({ retryable: fc.boolean(), counted: fc.boolean(), retryAt: time }),
  )
  .map(
    ([code, options]) =>
      (fence: number) =>
        failAttempt(fence, code, options),
  );
const progress = fc.tuple(predictionId, time).map(([id, expiry]) => (fence: number, state: Generation | null) => {
  if (state?.stage === 'download') return download(fence);
  return state?.current?.prediction ? generate(fence, expiry) : predict(fence, id);
});
const anyResult = fc.oneof(
  predictionId.map((id) => (fence: number) => predict(fence, id)),
  time.map((expiry) => (fence: number) => generate(fence, expiry)),
  fc.constant(download),
);
const result: fc.Arbitrary<Try> = fc
  .tuple(
    fenceOf,
    fc.oneof(
      { weight: 6, arbitrary: progress },
      { weight: 2, arbitrary: anyResult },
      { weight: 3, arbitrary: failure },
    ),
  )
  .map(
    ([fence, intent]) =>
      (state) =>
        intent(fence(state) ?? 0, state),
  );
const request: fc.Arbitrary<Try> = fc
  .record({ max_attempts: fc.integer({ min: 1, max: 3 }), scheduled_at: fc.option(time) })
  .map((changes) => () => requested(changes));
const other: fc.Arbitrary<Try> = fc
  .constantFrom<Intent>(cancel, retry, retry, fail('delivery_exhausted'))
  .map((intent) => () => intent);
const tries = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: attempt },
    { weight: 10, arbitrary: result },
    { weight: 1, arbitrary: other },
    { weight: 1, arbitrary: request },
  ),
  { minLength: 1, maxLength: 60, size: 'max' },
);
const stories = fc.tuple(request, tries).map(([first, rest]) => [first, ...rest]);

/** Plays a story, each command a quarter of an hour after the last; `seen` is called with each that was decided. */
function play(story: readonly Try[], seen: (command: Command, scenario: Scenario) => void = () => undefined): Scenario {
  const scenario = new Scenario();
  story.forEach((next, index) => {
    const state = fold(scenario.history);
    const command = { ...next(state), commandId: `command-${index}`, at: minute(index * 15) } as Command;
    scenario.decide(command);
    seen(command, scenario);
  });
  return scenario;
}

function wayOf(from: string, type: string, to: string): string {
  return `${from} → ${type} → ${to}`;
}

/** Each event with the states around it. */
function steps(events: readonly GenerationEvent[]) {
  let before: Generation | null = null;
  return events.map((event) => {
    const step = { before, event, after: evolve(before, event) };
    before = step.after;
    return step;
  });
}

function forAllHistories(check: (events: readonly GenerationEvent[]) => void): void {
  fc.assert(
    fc.property(stories, (story) => check(play(story).history)),
    { numRuns: 500 },
  );
}

describe('whatever commands come', () => {
  it('the generation stays in its state machine', () => {
    forAllHistories((events) => {
      for (const { before, event, after } of steps(events)) {
        expect(ALLOWED[before?.status ?? 'none'][event.type] ?? []).toContain(after.status);
      }
    });
  });

  it('these stories go every way of the state machine', () => {
    const sample = fc.sample(stories, { seed: 1, numRuns: 1000 });
    const taken = sample.flatMap((story) =>
      steps(play(story).history).map(({ before, event, after }) =>
        wayOf(before?.status ?? 'none', event.type, after.status),
      ),
    );
    const ways = Object.entries(ALLOWED).flatMap(([from, events]) =>
      Object.entries(events).flatMap(([type, targets]) => targets.map((to) => wayOf(from, type, to))),
    );
    expect([...new Set(taken)].sort()).toEqual(ways.sort());
  });

  it('replaying the events gives the same state, and its version is their number', () => {
    forAllHistories((events) => {
      const stepwise = steps(events).at(-1)?.after;
      expect(fold(JSON.parse(JSON.stringify(events)) as GenerationEvent[])).toEqual(stepwise);
      expect(stepwise?.version).toBe(events.length);
      expect(stepwise?.commandIds).toEqual(events.map((event) => event.commandId));
    });
  });

  it('a command that comes again changes nothing, then or later', () => {
    fc.assert(
      fc.property(stories, fc.nat(60), (story, later) => {
        const commands: Command[] = [];
        const scenario = play(story, (command, { history }) => {
          if (history.at(-1)?.commandId === command.commandId) commands.push(command);
        });
        const before = scenario.history.length;
        const again = commands[later % commands.length];
        if (again) expect(scenario.decide(again)).toBe('unchanged');
        expect(scenario.history).toHaveLength(before);
      }),
    );
  });

  it('an end is final, but for a retry of what failed', () => {
    forAllHistories((events) => {
      for (const { before, event } of steps(events)) {
        if (before && isTerminal(before.status))
          expect([before.status, event.type]).toEqual(['failed', 'RetryRequested']);
      }
    });
  });

  it('no stage begins more counted attempts than it has', () => {
    forAllHistories((events) => {
      let begun = { generate: 0, download: 0 };
      for (const { event, after } of steps(events)) {
        if (event.type === 'RetryRequested') begun = { generate: 0, download: 0 };
        // New outputs are new downloads.
        if (event.type === 'Generated') begun.download = 0;
        if (event.type === 'AttemptStarted') begun[event.data.stage]++;
        if (event.type === 'AttemptFailed' && !event.data.counted) begun[event.data.stage]--;
        expect(Math.max(begun.generate, begun.download)).toBeLessThanOrEqual(after.request.max_attempts);
      }
    });
  });

  it('each attempt has a fence above those before it', () => {
    forAllHistories((events) => {
      let last = 0;
      for (const { event, after } of steps(events)) {
        if (event.type !== 'AttemptStarted') continue;
        expect(after.current?.fence).toBe(after.version);
        expect(after.version).toBeGreaterThan(last);
        last = after.version;
      }
    });
  });

  it('no attempt to generate begins while a prediction of the last may be running', () => {
    forAllHistories((events) => {
      for (const { before, event } of steps(events)) {
        const deadline = before?.unresolved?.deadline;
        if (event.type === 'AttemptStarted' && deadline) expect(event.time >= deadline).toBe(true);
      }
    });
  });
});
