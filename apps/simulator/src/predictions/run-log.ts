import type { PredictionPlan, PredictionRecord } from './prediction.js';
import { runTimes } from './run-steps.js';

/** tqdm writes no more often than ten times a second; a log of hundreds of steps is thinned out to this many lines. */
const MOST_LINES = 20;
const BAR_LENGTH = 10;

/** tqdm's characters for the eighths of a place in its bar. */
const EIGHTHS = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** What the model has written by `now`, or by its end: the seed, and tqdm's lines in proportion to the time that it ran. */
export function logsOf(record: PredictionRecord, now: Date): string {
  const { startedAt, completedAt, seed } = record;
  if (!startedAt) return '';
  const end = completedAt ?? now;
  const [total, stepMs] = [inferenceSteps(record), spanOf(record) / inferenceSteps(record)];
  const lines = logTimes(record).flatMap((at, line) =>
    at <= end ? [lineOf(loggedStep(line, total), total, stepMs)] : [],
  );
  return [`Using seed: ${seed}`, ...lines, ''].join('\n');
}

/** When the log grows by a line, oldest first. A run that never finishes hangs before its first step is done. */
export function logTimes(plan: PredictionPlan): readonly Date[] {
  const { begin } = runTimes(plan);
  if (plan.fault?.kind === 'run_never_finishes') return [begin];
  const total = inferenceSteps(plan);
  const lines = Math.ceil(total / strideOf(total)) + 1;
  return Array.from({ length: lines }, (_, line) => {
    return new Date(Math.ceil(begin.getTime() + (loggedStep(line, total) * spanOf(plan)) / total));
  });
}

/** How long the steps take together. */
function spanOf(plan: PredictionPlan): number {
  const { begin, end } = runTimes(plan);
  return end.getTime() - begin.getTime();
}

function inferenceSteps({ model, input }: PredictionPlan): number {
  const name = model.fields.num_inference_steps ?? '';
  return Number(input[name] ?? model.input.properties[name]?.default ?? 1);
}

/** The step that a line tells of: the first line of 0, the last of all. */
function loggedStep(line: number, total: number): number {
  return Math.min(line * strideOf(total), total);
}

function strideOf(total: number): number {
  return Math.ceil(total / MOST_LINES);
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
