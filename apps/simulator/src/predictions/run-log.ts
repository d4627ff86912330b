import type { PredictionPlan, PredictionRecord } from './prediction.js';
import { runTimes } from './run-steps.js';

/** tqdm writes no more often than ten times a second; a log of hundreds of steps is thinned out to this many lines. */
const MOST_LINES = 20;
const BAR_LENGTH = 10;

/** tqdm's characters for the eighths of a place in its bar. */
const EIGHTHS = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** What the model has written by `now`, or by its end: the seed, and tqdm's lines in proportion to the time that it ran. */
export function logsOf(record: PredictionRecord, now: Date): string {
  const { startedAt, completedAt, seed, fault } = record;
  if (!startedAt) return '';
  const { begin, end } = runTimes(record);
  const elapsedMs = (completedAt ?? now).getTime() - begin.getTime();
  const stepMs = (end.getTime() - begin.getTime()) / inferenceSteps(record);
  const hangs = fault?.kind === 'run_never_finishes';
  const lines = loggedSteps(record).filter((step) => step === 0 || (!hangs && step * stepMs <= elapsedMs));
  return [`Using seed: ${seed}`, ...lines.map((step) => lineOf(step, inferenceSteps(record), stepMs)), ''].join('\n');
}

/** When the log grows by a line, oldest first. */
export function logTimes(plan: PredictionPlan): readonly Date[] {
  const { begin, end } = runTimes(plan);
  if (plan.fault?.kind === 'run_never_finishes') return [begin];
  const stepMs = (end.getTime() - begin.getTime()) / inferenceSteps(plan);
  return loggedSteps(plan).map((step) => new Date(Math.ceil(begin.getTime() + step * stepMs)));
}

function inferenceSteps({ model, input }: PredictionPlan): number {
  return Number(input['num_inference_steps'] ?? model.input.properties['num_inference_steps']?.default ?? 1);
}

/** The steps that have a line, with 0 and the last. */
function loggedSteps(plan: PredictionPlan): readonly number[] {
  const total = inferenceSteps(plan);
  const stride = Math.ceil(total / MOST_LINES);
  const lines = Math.ceil(total / stride);
  return Array.from({ length: lines + 1 }, (_, line) => Math.min(line * stride, total));
}

/** ` 50%|█████     | 2/4 [00:01<00:01,  1.67it/s]`, as tqdm writes it. */
function lineOf(step: number, total: number, stepMs: number): string {
  const percent = String(Math.round((step * 100) / total)).padStart(3);
  const eighths = Math.floor((step * BAR_LENGTH * EIGHTHS.length) / total);
  const bar = '█'.repeat(Math.floor(eighths / EIGHTHS.length)) + (EIGHTHS[eighths % EIGHTHS.length] ?? '');
  const remaining = step === 0 ? '?' : clock((total - step) * stepMs);
  const timing = `${clock(step * stepMs)}<${remaining}, ${step === 0 ? '?it/s' : rate(stepMs)}`;
  return `${percent}%|${bar.slice(0, BAR_LENGTH).padEnd(BAR_LENGTH)}| ${step}/${total} [${timing}]`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return [Math.floor(seconds / 60), seconds % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

function rate(stepMs: number): string {
  if (stepMs > 1_000) return `${(stepMs / 1_000).toFixed(2).padStart(5)}s/it`;
  return `${(1_000 / Math.max(stepMs, 1)).toFixed(2).padStart(5)}it/s`;
}
