import { sourceOf } from '@darkroom/domain';
import { resultOf } from '../models/result.js';
import type { PredictionPlan } from './prediction.js';

/** What happens to a prediction by itself, and when. */
export type RunStep =
  | { readonly kind: 'begin'; readonly at: Date }
  /** Goes on in a status that Replicate does not have. */
  | { readonly kind: 'turn'; readonly at: Date; readonly status: string }
  | {
      readonly kind: 'end';
      readonly at: Date;
      readonly status: string;
      readonly error: string | null;
      readonly hasOutput: boolean;
    };

/** The part of a run that is spent in `starting`. */
const STARTING_SHARE = 0.2;

/** A model runs out of memory above this: somewhat more than the largest tier there is, of 16 megapixels. */
const MOST_PIXELS = 20_000_000;

/** When a run leaves `starting`, and when it ends by itself. */
export function runTimes({ createdAt, runMs }: PredictionPlan): { readonly begin: Date; readonly end: Date } {
  const after = (ms: number) => new Date(createdAt.getTime() + ms);
  return { begin: after(runMs * STARTING_SHARE), end: after(runMs) };
}

/** The way of a prediction from `starting` to its end, in the order of time; without an `end` it runs for ever. */
export function runSteps(plan: PredictionPlan): readonly RunStep[] {
  const steps = undisturbed(plan);
  const { deadline, fault } = plan;
  if (!deadline || (fault?.kind === 'run_never_finishes' && fault.ignores_deadline)) return steps;
  const before = steps.filter(({ at }) => at <= deadline);
  if (before.some(({ kind }) => kind === 'end')) return steps;
  return [...before, end(deadline, before.length === 0 ? 'aborted' : 'canceled')];
}

function undisturbed(plan: PredictionPlan): readonly RunStep[] {
  const { fault } = plan;
  const times = runTimes(plan);
  if (fault?.kind === 'run_aborted') return [end(times.begin, 'aborted')];
  const begin = { kind: 'begin', at: times.begin } as const;
  if (fault?.kind === 'run_never_finishes') return [begin];
  if (fault?.kind === 'run_unknown_status' && !fault.terminal) {
    return [begin, { kind: 'turn', at: times.end, status: fault.status }];
  }
  return [begin, ending(plan, times.end)];
}

function ending(plan: PredictionPlan, at: Date): RunStep {
  const { model, input, fault } = plan;
  const { width, height } = resultOf(plan);
  if (fault?.kind === 'run_failure') return end(at, 'failed', { error: fault.error });
  if (model.source?.required && sourceOf(model, input) === null) return end(at, 'failed', { error: 'No image' });
  if (width * height > MOST_PIXELS) return end(at, 'failed', { error: 'CUDA out of memory' });
  if (fault?.kind === 'run_unknown_status') return end(at, fault.status);
  return end(at, 'succeeded', { hasOutput: fault?.kind !== 'run_null_output' });
}

function end(at: Date, status: string, { error = null as string | null, hasOutput = false } = {}): RunStep {
  return { kind: 'end', at, status, error, hasOutput };
}
