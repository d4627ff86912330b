import type { Command } from './commands.js';
import type { EventData, EventType, GenerationEvent, Stage } from './events.js';
import { isTerminal, type Attempt, type Generation } from './generation.js';

/**
 * `stale_attempt`: another worker holds the generation, or did since. `too_early`: unlike after `invalid_state` the work
 * is still to be done, once the prediction whose outcome is unknown can no longer be running. `deadline_passed`: the
 * client's, so that nothing may be started any more.
 */
export const REJECTION_CODES = [
  'not_found',
  'already_exists',
  'invalid_state',
  'stale_attempt',
  'attempts_exhausted',
  'too_early',
  'deadline_passed',
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

/** A command that the rules refuse. A value, not an exception: most rejections are somebody's normal way out. */
export interface Rejection {
  readonly code: RejectionCode;
  readonly message: string;
}

/** At most one event per command, so that an append is one message and needs no transaction (docs/adr/0003). */
export type Decision =
  | { readonly kind: 'event'; readonly event: GenerationEvent }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

const UNCHANGED: Decision = { kind: 'unchanged' };

/** What a command does to a generation. Pure and idempotent: a command id that the state has seen changes nothing. */
export function decide(command: Command, state: Generation | null): Decision {
  if (state?.commandIds.includes(command.commandId)) return UNCHANGED;
  if (command.type === 'Request') {
    if (state) return reject('already_exists', 'A generation with this id exists already');
    return accept(command, 'GenerationRequested', command.request);
  }
  if (!state) return reject('not_found', 'There is no generation with this id');

  switch (command.type) {
    case 'Cancel':
      if (state.status === 'cancelled') return UNCHANGED;
      if (isTerminal(state.status)) return invalid('cancelled', state);
      return accept(command, 'Cancelled', { by: command.by, reason: command.reason });
    case 'Retry':
      if (state.status !== 'failed') return invalid('retried', state);
      return accept(command, 'RetryRequested', { by: command.by, stage: retryStage(state, command.at) });
    case 'Fail':
      if (isTerminal(state.status)) return invalid('failed', state);
      return accept(command, 'Failed', {
        stage: state.stage,
        attempts: attemptsBegun(state, state.stage),
        error: { ...command.error, retryable: false },
      });
    case 'StartAttempt':
      return startAttempt(command, state);
    case 'RecordPrediction':
      return recordPrediction(command, state);
    case 'RecordGenerated':
      return recordGenerated(command, state);
    case 'RecordDownloaded':
      return underFence(command, state, (attempt) =>
        accept(command, 'Downloaded', { attempt: attempt.attempt, images: command.images }),
      );
    case 'FailAttempt':
      return underFence(command, state, (attempt) => failAttempt(command, state, attempt));
  }
}

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

function startAttempt(command: CommandOf<'StartAttempt'>, state: Generation): Decision {
  const { stage, worker, deadline, seen = state.version, sentImages = [] } = command;
  if (isTerminal(state.status) || state.stage !== stage) return invalid(`started at ${stage}`, state);
  if (state.current) return reject('stale_attempt', `Attempt ${state.current.attempt} is already in hand`);
  if (seen !== state.version) return reject('stale_attempt', 'The generation has moved on since it was looked at');
  // Before the count: a last attempt whose outcome is unknown is not over yet, and may still be adopted.
  const pendingUntil = state.unresolved?.deadline ?? null;
  if (pendingUntil !== null && command.at < pendingUntil) {
    return reject(
      'too_early',
      `A prediction of attempt ${state.unresolved?.attempt} may be running until ${pendingUntil}`,
    );
  }
  if (state.spent[stage] >= state.request.max_attempts) {
    return reject('attempts_exhausted', `All ${state.request.max_attempts} attempts are used up`);
  }
  const { deadline: useless } = state.request;
  if (stage === 'generate' && useless !== null && command.at > useless) {
    return reject('deadline_passed', `It was not to be started after ${useless}`);
  }
  const attempt = state.spent[stage] + 1;
  return accept(command, 'AttemptStarted', { stage, attempt, worker, deadline, sent_images: sentImages });
}

function recordPrediction(command: CommandOf<'RecordPrediction'>, state: Generation): Decision {
  if (isTerminal(state.status)) return invalid('given a prediction', state);
  const attempt = state.current ?? state.unresolved;
  if (!attempt || attempt.stage !== 'generate' || attempt.fence !== command.fence) return stale(command.fence);
  if (attempt.prediction && attempt.prediction.id !== command.predictionId) return stale(command.fence);
  if (attempt.prediction && state.current) return UNCHANGED;
  return accept(command, 'PredictionCreated', {
    attempt: attempt.attempt,
    provider: command.provider,
    prediction_id: command.predictionId,
    deadline: command.deadline,
    adopted: command.adopted,
  });
}

function recordGenerated(command: CommandOf<'RecordGenerated'>, state: Generation): Decision {
  return underFence(command, state, (attempt) => {
    if (!attempt.prediction) return stale(command.fence);
    return accept(command, 'Generated', {
      attempt: attempt.attempt,
      prediction_id: attempt.prediction.id,
      outputs: command.outputs,
      outputs_expire_at: command.outputsExpireAt,
      metrics: command.metrics,
      seed: command.seed,
      actual_cost_usd: command.actualCostUsd,
    });
  });
}

function failAttempt(command: CommandOf<'FailAttempt'>, state: Generation, attempt: Attempt): Decision {
  const { error, counted } = command;
  const retryStage: Stage = error.code === 'output_expired' ? 'generate' : attempt.stage;
  const begun = attemptsBegun(state, attempt.stage);
  // The last attempt may wait for its lost answer: its prediction can still turn up, and it has been paid for.
  const outcomeUnknown = error.code === 'outcome_unknown';
  // Somebody else found it while this worker looked: a webhook, for instance.
  if (outcomeUnknown && attempt.prediction) return reject('stale_attempt', 'The prediction is known by now');
  const mayWait = outcomeUnknown || !counted;
  const exhausted = !mayWait && attemptsLeft(state, attempt, retryStage) <= 0;
  if (
    error.retryable &&
    !exhausted &&
    !mayWait &&
    command.giveUpAt !== undefined &&
    command.retryAt >= command.giveUpAt
  ) {
    const message = `No time was left for another attempt: ${error.message}`;
    return accept(command, 'Failed', {
      stage: attempt.stage,
      attempts: begun,
      error: { code: 'generation_timeout', message, retryable: false },
    });
  }
  if (!error.retryable || exhausted) {
    return accept(command, 'Failed', { stage: attempt.stage, attempts: begun, error: { ...error, retryable: false } });
  }
  return accept(command, 'AttemptFailed', {
    stage: attempt.stage,
    attempt: attempt.attempt,
    error,
    retry_at: outcomeUnknown ? laterOf(command.retryAt, attempt.deadline) : command.retryAt,
    retry_stage: retryStage,
    counted,
  });
}

function laterOf(time: string, other: string | null): string {
  return other !== null && other > time ? other : time;
}

/** Attempts that the generation would have left at a stage if `failing` were counted as spent. */
function attemptsLeft(state: Generation, failing: Attempt, stage: Stage): number {
  return state.request.max_attempts - (stage === failing.stage ? failing.attempt : state.spent[stage]);
}

function attemptsBegun(state: Generation, stage: Stage): number {
  return state.current?.stage === stage ? state.current.attempt : state.spent[stage];
}

/** Where a failed generation would begin anew: what was made and can still be fetched is not made again. */
export function retryStage({ stage, generated, error }: Generation, at: string): Stage {
  const outputsExist = generated && generated.outputs_expire_at > at && error?.code !== 'output_expired';
  return stage === 'download' && outputsExist ? 'download' : 'generate';
}

/** Results count only under the fence of the attempt in hand: a worker that was overtaken has nothing to say. */
function underFence(
  command: CommandOf<'RecordGenerated' | 'RecordDownloaded' | 'FailAttempt'>,
  state: Generation,
  accepted: (attempt: Attempt) => Decision,
): Decision {
  if (isTerminal(state.status)) return invalid('changed', state);
  const attempt = state.current;
  if (!attempt || attempt.fence !== command.fence) return stale(command.fence);
  if (command.type === 'RecordDownloaded' && attempt.stage !== 'download') return stale(command.fence);
  return accepted(attempt);
}

function accept<T extends EventType>(command: Command, type: T, data: EventData[T]): Decision {
  const event = { type, data, commandId: command.commandId, time: command.at } as GenerationEvent;
  return { kind: 'event', event };
}

function reject(code: RejectionCode, message: string): Decision {
  return { kind: 'rejected', rejection: { code, message } };
}

function invalid(verb: string, state: Generation): Decision {
  return reject('invalid_state', `A generation that is ${state.status} cannot be ${verb}`);
}

function stale(fence: number): Decision {
  return reject('stale_attempt', `The attempt fenced by version ${fence} is no longer in hand`);
}
