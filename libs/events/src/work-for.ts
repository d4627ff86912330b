import type { Attempt, Generation, GenerationEvent, Lane } from '@darkroom/domain';
import type { WorkStage } from './subjects.js';

export interface Work {
  readonly stage: WorkStage;
  readonly lane: Lane;
  /** ISO 8601 UTC; null: at once. */
  readonly at: string | null;
}

/** Whether a fact asks for work at all: most of them need no look at their generation. */
export function asksForWork(event: GenerationEvent): boolean {
  return ['GenerationRequested', 'Generated', 'AttemptFailed', 'RetryRequested', 'Cancelled'].includes(event.type);
}

/**
 * The work that a fact asks for.
 * @param generation its generation, as it is now: maybe beyond the event
 */
export function workFor(event: GenerationEvent, generation: Generation): Work | null {
  const { lane } = generation.request;
  switch (event.type) {
    case 'GenerationRequested': {
      const { scheduled_at: at } = event.data;
      return { stage: 'generate', lane, at: at !== null && at > event.time ? at : null };
    }
    case 'Generated':
      return { stage: 'download', lane, at: null };
    case 'AttemptFailed':
      return { stage: event.data.retry_stage, lane, at: event.data.retry_at };
    case 'RetryRequested':
      return { stage: event.data.stage, lane, at: dueAfter(generation.unresolved, event.time) };
    case 'Cancelled': {
      // Even before its prediction is known: the create may be on its way, and its worker may die.
      const begun = generation.current ?? generation.unresolved;
      return begun?.stage === 'generate' ? { stage: 'cancel', lane, at: null } : null;
    }
    case 'AttemptStarted':
    case 'PredictionCreated':
    case 'Downloaded':
    case 'Failed':
      return null;
  }
}

/** A prediction that may exist unknown to us can only be ruled out after its deadline; a known one is taken up at once. */
function dueAfter(unresolved: Attempt | null, now: string): string | null {
  const deadline = unresolved?.prediction ? null : (unresolved?.deadline ?? null);
  return deadline !== null && deadline > now ? deadline : null;
}
