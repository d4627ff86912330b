import type { EventData } from '@darkroom/domain';
import type { RecordedEvent } from '@darkroom/events';
import { describe, expect, it } from '@jest/globals';
import { mixedStory, Story } from '../../../libs/read-models/test/stories.js';
import { checkAll } from './check-all.js';
import type { Evidence, PaidPrediction, Violation } from './evidence.js';
import { checkHistories } from './histories.js';
import { checkImages } from './images.js';
import { checkPayments } from './payments.js';
import { checkPromises } from './promises.js';
import { checkQueues } from './queues.js';
import { checkReadModels } from './read-models.js';

/** One generation that was completed, as it went by the rules, and everything that is found after it. */
function goodRun(): { id: string; story: Story; evidence: Evidence } {
  const story = new Story();
  const id = story.requested(1, { metadata: { order: '1' } });
  for (let step = 0; step < 5; step += 1) story.advance(id, step);
  const state = story.states.get(id)!;
  const at = (type: string) => story.events.find((event) => event.type === type)!.time;
  return {
    id,
    story,
    evidence: {
      accepted: [{ id, prompt: state.request.input.prompt, cancelled: false, redriven: 0 }],
      log: story.events,
      predictions: [prediction({ id: 'prediction-1', createdAt: at('AttemptStarted'), completedAt: at('Generated') })],
      images: state.images.map((image) => ({
        id: image.id,
        generationId: id,
        status: 200,
        bytes: image.bytes,
        sha256: image.sha256,
        originalSha256: null,
      })),
      rows: [{ id, status: 'completed', version: state.version, position: story.events.length, state }],
      tables: { live: { images: 'a' }, fresh: { images: 'a' } },
      queues: { waiting: {}, consumers: { dispatcher: { unacknowledged: 0, pending: 0 } } },
    },
  };
}

function prediction(overrides: Partial<PaidPrediction>): PaidPrediction {
  return {
    id: 'prediction-9',
    status: 'succeeded',
    prompt: 'a lighthouse at night',
    createdAt: '2026-01-01T00:02:00.000Z',
    completedAt: '2026-01-01T00:02:01.000Z',
    ...overrides,
  };
}

const whatOf = (violations: readonly Violation[]): string[] =>
  violations.map(({ invariant, what }) => `${invariant}: ${what}`);

it('find nothing in a good run', () => {
  expect(checkAll(goodRun().evidence)).toEqual([]);
});

describe('checkPromises', () => {
  const { story, evidence } = goodRun();
  const [accepted] = evidence.accepted;

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['a 202 that the log does not know', { log: [] }, /^lost: answered 202/],
    [
      'a cancel that was confirmed, and is not',
      { accepted: [{ ...accepted!, cancelled: true }] },
      /^lost: said to be c/,
    ],
    ['a redrive that was confirmed, and is not', { accepted: [{ ...accepted!, redriven: 1 }] }, /^lost: said to be t/],
    ['what has no end', { log: story.events.slice(0, -1) }, /^stuck: still downloading/],
  ])('finds %s', (_name, change, what) => {
    expect(whatOf(checkPromises({ ...evidence, ...change }))).toEqual([expect.stringMatching(what)]);
  });

  it('finds what was not told to anybody, and has no end', () => {
    expect(whatOf(checkPromises({ accepted: [], log: story.events.slice(0, 2) }))).toEqual(['stuck: still processing']);
  });

  it('finds one order that became two generations', () => {
    const twice = new Story();
    for (const n of [1, 2]) {
      const one = twice.requested(n, { metadata: { order: '7' } });
      twice.act(one, { type: 'Cancel', by: 'u', reason: null });
    }
    expect(checkPromises({ accepted: [], log: twice.events }).map(({ invariant }) => invariant)).toEqual(['doubled']);
  });
});

describe('checkPayments', () => {
  const { evidence, id } = goodRun();
  const [paid] = evidence.predictions;
  const two = (other: Partial<PaidPrediction>) => ({ ...evidence, predictions: [paid!, prediction(other)] });

  it('finds more predictions than attempts', () => {
    expect(whatOf(checkPayments(two({ createdAt: '2026-01-01T00:09:00.000Z' })))).toEqual([
      'overpaid: 2 predictions for 1 attempts',
    ]);
  });

  it('finds one that nobody asked for, one of something else, and one that the provider does not know', () => {
    expect(whatOf(checkPayments(two({ prompt: 'something else' })))).toEqual([
      'overpaid: prediction prediction-9 belongs to no generation: something else',
    ]);
    const other = [{ ...paid!, prompt: 'something else' }];
    expect(whatOf(checkPayments({ ...evidence, predictions: other }))).toContain(
      'overpaid: prediction prediction-1 shows something else',
    );
    expect(whatOf(checkPayments({ ...evidence, predictions: [] }))).toEqual([
      'overpaid: the provider does not know prediction prediction-1',
    ]);
  });

  it('finds one that is left running', () => {
    expect(whatOf(checkPayments({ ...evidence, predictions: [{ ...paid!, completedAt: null }] }))).toEqual([
      'overpaid: prediction prediction-1 was left running',
    ]);
  });

  /** A second attempt after a failed one; requested at minute 1, attempts at minutes 2 and 5. */
  function twoAttempts(): Story {
    const again = new Story();
    again.requested(1);
    again.advance(id, 0);
    again.advance(id, 1);
    again.failAttempt(id);
    again.advance(id, 3);
    return again;
  }
  const minute = (n: number) => `2026-01-01T00:0${n}:30.000Z`;

  it('lets each attempt have one, one after the other', () => {
    const predictions = [
      prediction({ id: 'prediction-1', createdAt: minute(2), completedAt: minute(3) }),
      prediction({ createdAt: minute(5), completedAt: minute(6) }),
    ];
    expect(checkPayments({ log: twoAttempts().events, predictions })).toEqual([]);
  });

  it.each([
    ['two at once', [2, 6], [5, 6], /2 predictions alive at once/],
    ['two of one attempt', [2, 3], [4, 4], /were bought by one attempt/],
    ['one before any attempt', [1, 1], [5, 6], /before any attempt began/],
  ])('finds %s', (_name, [from, to], [from2, to2], what) => {
    const predictions = [
      prediction({ id: 'prediction-1', createdAt: minute(from!), completedAt: minute(to!) }),
      prediction({ createdAt: minute(from2!), completedAt: minute(to2!) }),
    ];
    expect(whatOf(checkPayments({ log: twoAttempts().events, predictions }))).toEqual([expect.stringMatching(what)]);
  });

  it('lets generations that asked for the same swap predictions, and finds one that serves both', () => {
    const twins = new Story();
    const ids = [twins.requested(1), twins.requested(2)];
    for (const one of ids) twins.advance(one, 0);
    const predict = (one: string, predictionId: string) =>
      twins.act(one, {
        type: 'RecordPrediction',
        fence: 2,
        provider: 'replicate',
        predictionId,
        deadline: null,
        adopted: false,
      });
    predict(ids[0]!, 'second');
    const both = ['first', 'second'].map((name) =>
      prediction({ id: name, createdAt: minute(4), completedAt: minute(5) }),
    );
    const swapped = [...twins.events];
    predict(ids[1]!, 'first');
    expect(checkPayments({ log: twins.events, predictions: both })).toEqual([]);
    const shared = { ...twins.events.at(-1)!, data: { ...twins.events.at(-1)!.data, prediction_id: 'second' } };
    expect(whatOf(checkPayments({ log: [...swapped, shared as RecordedEvent], predictions: both }))).toEqual([
      expect.stringMatching(/prediction second is also that of/),
    ]);
  });
});

describe('checkHistories', () => {
  it('finds nothing in what was decided by the rules', () => {
    expect(checkHistories({ log: mixedStory(300, 5).events })).toEqual([]);
  });

  it('knows a prediction that turns up after its attempt was given up', () => {
    const story = new Story();
    const id = story.requested(1);
    story.advance(id, 0);
    const fence = 2;
    const error = { code: 'outcome_unknown', message: 'lost', retryable: true } as const;
    story.act(id, { type: 'FailAttempt', fence, error, retryAt: story.now, counted: true });
    const predictionId = 'found';
    story.act(id, { type: 'RecordPrediction', fence, provider: 'r', predictionId, deadline: null, adopted: true });
    expect(checkHistories({ log: story.events })).toEqual([]);
  });

  /** The good run's events, changed: [event types to keep in order] or one event's fields. */
  const { story } = goodRun();
  const only = (...types: string[]): RecordedEvent[] =>
    types.map((type, index) => {
      const event = story.events.find((each) => each.type === type)!;
      return { ...event, version: index + 1, position: index + 1, id: `e${index}`, commandId: `c${index}` };
    });
  const changed = (index: number, change: Partial<RecordedEvent>, data: Partial<EventData['AttemptStarted']> = {}) =>
    story.events.map((event, at) =>
      at === index ? ({ ...event, ...change, data: { ...event.data, ...data } } as RecordedEvent) : event,
    );
  const R = 'GenerationRequested';
  const A = 'AttemptStarted';
  const P = 'PredictionCreated';

  it.each<[string, RecordedEvent[], RegExp]>([
    ['a first event that is no request', only(A), /AttemptStarted, version 1: not while nowhere/],
    ['two requests', only(R, R), /not while waiting to generate/],
    ['two attempts at once', only(R, A, A), /not while asking the provider/],
    ['a prediction without an attempt', only(R, P), /not while waiting to generate/],
    ['two predictions of one attempt', only(R, A, P, P), /PredictionCreated, version 4: not while generating/],
    ['a result without a prediction', only(R, A, 'Generated'), /not while asking the provider/],
    ['images without a download', only(R, A, P, 'Generated', 'Downloaded'), /not while waiting to download/],
    ['anything after the end', [...story.events, ...only(R, A).slice(1)], /version 7 was expected/],
    ['a hole in the versions', story.events.filter((_, index) => index !== 2), /version 3 was expected/],
    ['a position that goes back', changed(3, { position: 2 }), /its position 2 comes after 3/],
    ['one command twice', changed(3, { commandId: story.events[2]!.commandId }), /command .* is there twice/],
    ['too many attempts', changed(1, {}, { attempt: 4 }), /attempt 4 of at most 3/],
  ])('finds %s', (_name, log, what) => {
    expect(whatOf(checkHistories({ log }))).toEqual([expect.stringMatching(what)]);
  });
});

describe('checkImages', () => {
  const { evidence } = goodRun();
  const [first, second] = evidence.images;

  it.each<[string, Evidence['images'], RegExp]>([
    ['an image that is not there', [first!], /was answered by nobody/],
    ['an image that cannot be read', [first!, { ...second!, status: 404 }], /was answered 404/],
    ['other bytes', [first!, { ...second!, sha256: 'b' }], /has other bytes/],
    ['fewer bytes', [{ ...first!, bytes: 1 }, second!], /has other bytes/],
    ["bytes that are not the provider's", [first!, { ...second!, originalSha256: 'b' }], /not what the provider made/],
  ])('finds %s', (_name, images, what) => {
    expect(whatOf(checkImages({ ...evidence, images }))).toEqual([expect.stringMatching(what)]);
  });

  it('finds a wrong number of images', () => {
    const log = evidence.log.map((event) =>
      event.type === 'Downloaded' ? { ...event, data: { ...event.data, images: event.data.images.slice(1) } } : event,
    );
    expect(whatOf(checkImages({ ...evidence, log }))).toEqual(['images: 1 images of 2']);
  });
});

describe('checkReadModels', () => {
  const { evidence } = goodRun();
  const [row] = evidence.rows;

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['a row that is missing', { rows: [] }, /has no row/],
    ['a row that is behind', { rows: [{ ...row!, version: 5 }] }, /its row says .*"version":5/],
    ['a state that is another', { rows: [{ ...row!, state: { ...row!.state, startedAt: null } }] }, /not the fold/],
    ['a row of nothing', { rows: [row!, { ...row!, id: 'other' }] }, /is not in the log/],
    ['a table that is another', { tables: { live: { images: 'a' }, fresh: { images: 'b' } } }, /images: a, .* b/],
    ['a table that is missing', { tables: { live: {}, fresh: { images: 'b' } } }, /images: undefined/],
  ])('finds %s', (_name, change, what) => {
    expect(whatOf(checkReadModels({ ...evidence, ...change }))).toEqual([expect.stringMatching(what)]);
  });
});

describe('checkQueues', () => {
  it.each<[string, Partial<Evidence['queues']>, RegExp]>([
    ['work', { waiting: { 'work.generate.low.id': 1 } }, /1 × work.generate.low.id/],
    ['schedules', { waiting: { 'schedule.generate.id': 1 } }, /1 × schedule.generate.id/],
    ['what is not acknowledged', { consumers: { x: { unacknowledged: 1, pending: 0 } } }, /x: 1 not acknowledged/],
    ['what was never delivered', { consumers: { x: { unacknowledged: 0, pending: 2 } } }, /2 not delivered/],
  ])('finds %s', (_name, change, what) => {
    const queues = { ...goodRun().evidence.queues, ...change };
    expect(whatOf(checkQueues({ queues }))).toEqual([expect.stringMatching(what)]);
  });
});
