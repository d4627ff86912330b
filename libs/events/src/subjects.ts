import { createHash } from 'node:crypto';
import { LANES, type Lane, type Stage } from '@darkroom/domain';

/** The one place where names of streams, subjects, consumers and buckets are made (docs/nats-resources.md). */

export const EVENTS_STREAM = 'EVENTS';
export const WORK_STREAM = 'WORK';
export const ADVISORIES_STREAM = 'ADVISORIES';

export const IDEMPOTENCY_BUCKET = 'IDEMPOTENCY';
export const PREDICTIONS_BUCKET = 'PREDICTIONS';
/** Which file at the provider holds which image. */
export const SOURCES_BUCKET = 'SOURCES';
/** Which of a user's generations run (LIMIT_CONCURRENT). */
export const SLOTS_BUCKET = 'SLOTS';
/** What a user has used of an hour and a day (LIMIT_HOURLY, LIMIT_DAILY). */
export const QUOTAS_BUCKET = 'QUOTAS';
/** What all workers together have used of the provider's rate limits. */
export const BUDGETS_BUCKET = 'BUDGETS';
/** Why a stage is held: by an operator, for want of credit. Which models are switched. */
export const CONTROL_BUCKET = 'CONTROL';

export const DISPATCHER_CONSUMER = 'dispatcher';
export const EXHAUSTED_CONSUMER = 'exhausted';

/**
 * What a worker can be asked to do. Two are for generations whose time has come: `due` is to generate, too, beside those
 * that are asked for at that moment; `admit` lets one whose user has a limit into its lane, or into its user's line.
 */
export const WORK_STAGES = ['admit', 'generate', 'due', 'download', 'cancel'] as const satisfies readonly (
  Stage | 'admit' | 'due' | 'cancel'
)[];
export type WorkStage = (typeof WORK_STAGES)[number];

/** Stages that have a handler of their own; one may work through several queues in turns. */
export const SERVED_STAGES = ['admit', 'generate', 'download', 'cancel'] as const satisfies readonly WorkStage[];
export type ServedStage = (typeof SERVED_STAGES)[number];

/** What a handler works through: a burst of schedules stands beside what is asked for now, and not before it. */
export function queuesOf(served: ServedStage): readonly { readonly stage: WorkStage; readonly lane: Lane }[] {
  const stages: readonly WorkStage[] = served === 'generate' ? ['generate', 'due'] : [served];
  return stages.flatMap((stage) => LANES.map((lane) => ({ stage, lane })));
}

export const ALL_GENERATIONS = 'generation.*';

export function generationSubject(generationId: string): string {
  return `generation.${generationId}`;
}

export function workSubject(stage: WorkStage, lane: Lane, generationId: string): string {
  return `work.${stage}.${lane}.${generationId}`;
}

export function workFilter(stage: WorkStage, lane: Lane): string {
  return `work.${stage}.${lane}.*`;
}

export function workConsumer(stage: WorkStage, lane: Lane): string {
  return `${stage}-${lane}`;
}

/** Holds the one message that the broker will turn into work at its time. A later schedule replaces an earlier one. */
export function scheduleSubject(stage: WorkStage, generationId: string): string {
  return `schedule.${stage}.${generationId}`;
}

/** Holds a generation that waits until fewer of its user's run. Nobody consumes these: they are taken one by one. */
export function lineSubject(userId: string, lane: Lane, generationId: string): string {
  return `line.${lineOf(userId)}.${lane}.${generationId}`;
}

/** One lane of a user's line; all of it without a lane. */
export function lineFilter(userId: string, lane: Lane | '*' = '*'): string {
  return `line.${lineOf(userId)}.${lane}.*`;
}

export const ALL_LINES = 'line.*.*.*';

/** The lane that a subject of a line names; null for other subjects. */
export function laneInLine(subject: string): Lane | null {
  const [kind, , lane] = subject.split('.');
  return kind === 'line' ? (LANES.find((each) => each === lane) ?? null) : null;
}

/** The filter of the line that a subject belongs to. */
export function wholeLine(subject: string): string {
  return `line.${subject.split('.')[1]}.*.*`;
}

function lineOf(userId: string): string {
  return bucketKey(userId).slice(0, 32);
}

export const ALL_SCHEDULES = 'schedule.*.*';

export const WORK_SUBJECTS = ['work.*.*.*', ALL_SCHEDULES, ALL_LINES];

/** Every place of WORK where something of a generation can be; its id is the last part of each. */
export function workOf(generationId: string): string[] {
  return WORK_SUBJECTS.map((subject) => subject.replace(/\*$/, generationId));
}

/** Called out when the provider tells that a prediction has ended. Not kept. */
export function predictionSubject(predictionId: string): string {
  return `prediction.${predictionId}`;
}

export const ANY_PREDICTION = 'prediction.*';

/** Called out while an attempt goes on. Not kept. */
export function progressSubject(generationId: string): string {
  return `progress.${generationId}`;
}

export const ANY_PROGRESS = 'progress.*';

/** Where the broker tells that a message of WORK was delivered as often as it may be. */
export const EXHAUSTED_ADVISORIES = `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${WORK_STREAM}.*`;

/** The stream that is a bucket: one subject for each key (NATS ADR-8). */
export function bucketStream(bucket: string): string {
  return `KV_${bucket}`;
}

export function keySubject(bucket: string, key: string): string {
  return `$KV.${bucket}.${key}`;
}

/** In CONTROL: a stage is held for a reason. */
export function holdKey(stage: WorkStage, reason: string): string {
  return `hold.${stage}.${reason}`;
}

/** In CONTROL: a generation was sent on by the sweeper. */
export function sweptKey(generationId: string): string {
  return `swept.${generationId}`;
}

/** In CONTROL: the provider is to be told that a generation was cancelled. */
export function cancellingKey(generationId: string): string {
  return `cancelling.${generationId}`;
}

/** In CONTROL: when somebody last began to sweep. */
export const SWEEP_TURN_KEY = 'sweep';

/** In CONTROL: which models an operator has switched on or off. */
export const MODEL_SWITCHES_KEY = 'models';

/** A bucket key that is safe whatever the text, and tells nothing of it. */
export function bucketKey(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
