import {
  isTerminal,
  type Attempt,
  type Generation,
  type GenerationEvent,
  type Lane,
  type Stage,
} from '@darkroom/domain';
import type { WorkStage } from './subjects.js';

export interface Work {
  readonly stage: WorkStage;
  readonly lane: Lane;
  /** ISO 8601 UTC; null: at once. */
  readonly at: string | null;
}

/** Whether a fact asks for work at all: most of them need no look at their generation. */
export function asksForWork(event: GenerationEvent): boolean {
  if (event.type === 'PredictionCreated') return event.data.adopted;
  return ['GenerationRequested', 'Generated', 'AttemptFailed', 'RetryRequested', 'Cancelled'].includes(event.type);
}

/** Whether a fact is the end of its generation, so that it does not run any more. */
export function endsGeneration(event: GenerationEvent): boolean {
  return ['Downloaded', 'Failed', 'Cancelled'].includes(event.type);
}

/**
 * The work that a fact asks for. What is to begin later is `due` then, or admitted if its user has a limit (docs/adr/0015);
 * a failed attempt goes on at once when its pause is over, because its generation runs all the while.
 * @param generation its generation, as it is now: maybe beyond the event
 */
export function workFor(event: GenerationEvent, generation: Generation): Work | null {
  const { lane } = generation.request;
  const beginning = (stage: Stage, at: string | null): Work => ({
    stage: at === null ? stage : whenDue(stage, generation),
    lane,
    at,
  });
  // An end that came meanwhile has taken the rest out of the queue.
  if (isTerminal(generation.status) && event.type !== 'Cancelled') return null;
  switch (event.type) {
    case 'GenerationRequested':
      return beginning('generate', scheduledFor(event));
    case 'Generated':
      return { stage: 'download', lane, at: null };
    case 'AttemptFailed':
      return { stage: event.data.retry_stage, lane, at: event.data.retry_at };
    case 'RetryRequested':
      return beginning(event.data.stage, dueAfter(generation.unresolved, event.time));
    case 'Cancelled': {
      // Even before its prediction is known: the create may be on its way, and its worker may die.
      const begun = generation.current ?? generation.unresolved;
      return begun?.stage === 'generate' ? { stage: 'cancel', lane, at: null } : null;
    }
    case 'PredictionCreated': {
      // Of an attempt that was given up, adopted by a webhook: nobody waits for it until the retry is due.
      const fence = generation.current?.stage === 'generate' ? generation.current.fence : Infinity;
      return event.data.adopted && fence < generation.stageSince ? { stage: 'generate', lane, at: null } : null;
    }
    case 'AttemptStarted':
    case 'Downloaded':
    case 'Failed':
      return null;
  }
}

/** The time that a request has to wait for; null: none. */
export function scheduledFor({ data, time }: GenerationEvent<'GenerationRequested'>): string | null {
  return data.scheduled_at !== null && data.scheduled_at > time ? data.scheduled_at : null;
}

/** Where the broker puts it at its time. */
function whenDue(stage: Stage, { request }: Generation): WorkStage {
  return stage === 'generate' && request.concurrency_limit === null ? 'due' : 'admit';
}

/** A prediction that may exist unknown to us can only be ruled out after its deadline; a known one is taken up at once. */
function dueAfter(unresolved: Attempt | null, now: string): string | null {
  const deadline = unresolved?.prediction ? null : (unresolved?.deadline ?? null);
  return deadline !== null && deadline > now ? deadline : null;
}
