import type { FaultInput } from '../../apps/simulator/src/control/fault.schema.js';
import { Random } from '../support/random.js';
import { SOURCE_SIZES, type SourceSize } from './source-images.js';

/** What one user is going to do about one generation. Times in milliseconds. */
export interface Order {
  readonly index: number;
  /** From the start of the run. */
  readonly at: number;
  readonly user: string;
  /** Which gateway is asked first; a repetition asks the next one. */
  readonly gateway: number;
  readonly body: Readonly<Record<string, unknown>> & { readonly prompt: string };
  /** The image to start from; null: none. */
  readonly source: SourceSize | null;
  /** From the request to `scheduled_at`; null: at once. */
  readonly scheduledIn: number | null;
  /** Null: the request is sent once, and who gets no answer does not know. */
  readonly key: string | null;
  /** The same request is sent again after it was accepted, to another gateway. */
  readonly asksAgain: boolean;
  /** When it is cancelled, each from its acceptance. */
  readonly cancels: readonly number[];
  /** How often it is taken up again after it failed. */
  readonly redrives: number;
  /** What the provider does to it. */
  readonly faults: readonly FaultInput[];
}

/** Requests a second while they come in. */
export const PACE = 25;

/** Milliseconds. */
const LONG_MS = 20_000;

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank'];

type Scripted = (random: Random, prompt: string) => FaultInput[];

/** `GENERATION_TIMEOUT` of the runs is longer than any of these, but for runs that never end. Milliseconds. */
const FAULTS: Readonly<Record<string, { readonly weight: number; readonly script: Scripted }>> = {
  reset_before_create: { weight: 3, script: (_, prompt) => [{ kind: 'reset_before_create', match: { prompt } }] },
  reset_after_create: { weight: 4, script: (_, prompt) => [{ kind: 'reset_after_create', match: { prompt } }] },
  listed_late: {
    weight: 3,
    script: (random, prompt) => [
      { kind: 'reset_after_create', match: { prompt } },
      { kind: 'listed_late', ms: random.between(500, 6_000), match: { prompt } },
    ],
  },
  webhook_lost: { weight: 4, script: (_, prompt) => [{ kind: 'webhook_lost', match: { prompt } }] },
  throttled: {
    weight: 4,
    script: (random, prompt) => [
      {
        kind: 'throttled',
        told_by: random.pick(['all', 'header', 'body', 'text']),
        times: random.between(1, 3),
        match: { prompt },
      },
    ],
  },
  error_before_create: {
    weight: 4,
    script: (random, prompt) => [
      { kind: 'error_before_create', status: random.pick([400, 422, 500, 502, 503]), match: { prompt } },
    ],
  },
  error_after_create: {
    weight: 4,
    script: (random, prompt) => [
      { kind: 'error_after_create', status: random.pick([500, 502, 504]), match: { prompt } },
    ],
  },
  slow_answer: {
    weight: 4,
    script: (random, prompt) => [{ kind: 'slow_answer', ms: random.between(200, 4_000), match: { prompt } }],
  },
  malformed_body: { weight: 3, script: (_, prompt) => [{ kind: 'malformed_body', match: { prompt } }] },
  read_error: {
    weight: 6,
    script: (random, prompt) => [
      {
        kind: 'read_error',
        status: random.pick([429, 500, 502, 503]),
        times: random.between(1, 6),
        match: { prompt },
      },
    ],
  },
  read_reset: {
    weight: 4,
    script: (random, prompt) => [{ kind: 'read_reset', times: random.between(1, 6), match: { prompt } }],
  },
  run_failure: {
    weight: 6,
    script: (random, prompt) => [
      {
        kind: 'run_failure',
        error: random.pick(['Prediction failed', 'CUDA out of memory', 'NSFW content detected']),
        times: random.between(1, 3),
        match: { prompt },
      },
    ],
  },
  run_aborted: { weight: 3, script: (_, prompt) => [{ kind: 'run_aborted', match: { prompt } }] },
  run_never_finishes: {
    weight: 1,
    script: (random, prompt) => [
      { kind: 'run_never_finishes', ignores_deadline: random.chance(0.3), match: { prompt } },
    ],
  },
  run_null_output: { weight: 3, script: (_, prompt) => [{ kind: 'run_null_output', match: { prompt } }] },
  run_unknown_status: {
    weight: 1,
    script: (_, prompt) => [{ kind: 'run_unknown_status', status: 'dreaming', match: { prompt } }],
  },
  file_wrong_type: { weight: 3, script: (_, prompt) => [{ kind: 'file_wrong_type', match: { prompt } }] },
  file_truncated: {
    weight: 4,
    script: (random, prompt) => [{ kind: 'file_truncated', times: random.between(1, 2), match: { prompt } }],
  },
  file_slow: {
    weight: 4,
    script: (random, prompt) => [{ kind: 'file_slow', ms: random.between(300, 5_000), match: { prompt } }],
  },
  file_error: {
    weight: 4,
    script: (random, prompt) => [{ kind: 'file_error', status: random.pick([403, 404, 500, 503]), match: { prompt } }],
  },
  file_html: { weight: 3, script: (_, prompt) => [{ kind: 'file_html', match: { prompt } }] },
  file_oversized: {
    weight: 1,
    script: (_, prompt) => [{ kind: 'file_oversized', bytes: 80_000_000, match: { prompt } }],
  },
  // Of whichever image is sent next: it does not say what for.
  upload_error: {
    weight: 2,
    script: (random) => [{ kind: 'upload_error', status: random.pick([500, 502, 503]), times: random.between(1, 5) }],
  },
  upload_reset: { weight: 2, script: (random) => [{ kind: 'upload_reset', times: random.between(1, 5) }] },
  upload_slow: { weight: 2, script: (random) => [{ kind: 'upload_slow', ms: random.between(200, 3_000) }] },
};

/** Kinds of faults that the mix scripts; `out_of_credit` comes on top, at the beginning of a run. */
export const FAULT_KINDS = [...Object.keys(FAULTS), 'out_of_credit'];

/** What `generations` requests of several users are. The same for the same seed. */
export function mixOf(seed: number, generations: number): readonly Order[] {
  const random = new Random(seed);
  const span = (generations / PACE) * 1_000;
  const moments = Array.from({ length: generations }, () => random.between(0, span)).sort((a, b) => a - b);
  return moments.map((at, index) => orderOf(random, seed, index, at, span));
}

function orderOf(random: Random, seed: number, index: number, at: number, span: number): Order {
  // Some ask for exactly what another one asks for: their predictions cannot be told apart.
  const shared = random.chance(0.06);
  const number = String(shared ? Math.floor(index / 40) : index).padStart(5, '0');
  const prompt = `${shared ? 'shared' : 'own'} ${seed}-${number} of the chaos`;
  const scheduledIn = random.chance(0.12) ? random.between(1_000, 5_000) : null;
  const key = random.chance(0.92) ? `${seed}-${index}` : null;
  const source = !shared && random.chance(0.15) ? random.pick(SOURCE_SIZES) : null;
  return {
    index,
    at,
    user: random.pick(USERS),
    gateway: random.between(0, 1),
    body: {
      prompt,
      ...(shared ? SHARED_INPUT : source ? WITH_SOURCE : inputOf(random)),
      priority: random.pick([-10, 0, 0, 0, 10]),
      max_attempts: random.between(1, 4),
      metadata: { order: String(index) },
    },
    source,
    scheduledIn,
    key,
    asksAgain: key !== null && random.chance(0.1),
    cancels: cancelsOf(random, scheduledIn ?? 0),
    redrives: random.chance(0.5) ? random.between(1, 2) : 0,
    faults: faultsOf(random, prompt, at, span),
  };
}

/** No seed: the provider draws one, and two images of the same input differ. */
const SHARED_INPUT = { model_id: 'stability-ai/sdxl', width: 256, height: 256 };

/** The result takes the shape of its source. */
const WITH_SOURCE = { model_id: 'stability-ai/sdxl', strength: 0.5 };

/** Small images: the run is about the machinery and not about drawing. */
function inputOf(random: Random): Record<string, unknown> {
  const num_outputs = random.pick([1, 1, 1, 2]);
  const seed = random.chance(0.3) ? { seed: random.between(0, 1_000_000) } : {};
  if (random.chance(0.6)) return { model_id: 'stability-ai/sdxl', width: 256, height: 256, num_outputs, ...seed };
  return {
    model_id: 'black-forest-labs/flux-schnell',
    aspect_ratio: '1:1',
    model_options: { megapixels: '0.25' },
    output_format: random.pick(['webp', 'jpg', 'png']),
    num_outputs,
    ...seed,
  };
}

/** At once, in the midst of the work, near its end; and some say it twice. */
function cancelsOf(random: Random, from: number): number[] {
  if (!random.chance(0.12)) return [];
  const first = random.pick([0, random.between(0, 300), random.between(300, 1_500), from + random.between(0, 2_000)]);
  return random.chance(0.3) ? [first, first + random.between(0, 50)] : [first];
}

function faultsOf(random: Random, prompt: string, at: number, span: number): FaultInput[] {
  const runTime = { kind: 'run_time', ms: random.between(100, 800), match: { prompt } } as const;
  // A missing credit is looked after a minute later: only at the beginning of a long run, which need not wait for it then.
  if (span >= LONG_MS && at < 0.1 * span && random.chance(0.05))
    return [{ kind: 'out_of_credit', match: { prompt } }, runTime];
  // Some run long enough to be met by whatever happens next.
  if (random.chance(0.05)) return [{ ...runTime, ms: random.between(2_000, 6_000) }];
  if (!random.chance(0.3)) return [runTime];
  const weights = Object.fromEntries(Object.entries(FAULTS).map(([kind, { weight }]) => [kind, weight]));
  return FAULTS[random.weighted(weights)]!.script(random, prompt);
}
