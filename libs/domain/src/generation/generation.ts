import type { EventData, GenerationError, GenerationEvent, SentImage, Stage, StoredImage } from './events.js';

export const STATUSES = [
  'scheduled',
  'queued',
  'processing',
  'downloading',
  'completed',
  'failed',
  'cancelled',
] as const;
export type Status = (typeof STATUSES)[number];

const TERMINAL: ReadonlySet<Status> = new Set<Status>(['completed', 'failed', 'cancelled']);

export function isTerminal(status: Status): boolean {
  return TERMINAL.has(status);
}

/** An attempt that has begun. Its fence names it: a worker may only record results under the fence it holds. */
export interface Attempt {
  readonly stage: Stage;
  readonly attempt: number;
  /** The aggregate version of the AttemptStarted event. */
  readonly fence: number;
  readonly worker: string;
  readonly startedAt: string;
  readonly deadline: string | null;
  /** What the provider was to be given for the images of its input. */
  readonly sentImages: readonly SentImage[];
  readonly prediction: { readonly id: string; readonly provider: string; readonly deadline: string | null } | null;
}

/** The state of one generation: the fold of its events. */
export interface Generation {
  /** Number of events so far. */
  readonly version: number;
  readonly status: Status;
  readonly request: EventData['GenerationRequested'];
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  /** The attempt in hand; kept after Cancelled, so that its prediction can be cancelled. */
  readonly current: Attempt | null;
  /** An attempt that was given up while its prediction may exist, known or not: that is adopted before anything is paid. */
  readonly unresolved: Attempt | null;
  /** Attempts used up by stage since the request or the last redrive. */
  readonly spent: Readonly<Record<Stage, number>>;
  /** Which stage the generation waits for or is in, and the version of the event that put it there. */
  readonly stage: Stage;
  readonly stageSince: number;
  readonly retryAt: string | null;
  /**
   * When the work on it began, since the request or the last redrive; null before. What was nobody's attempt (throttled,
   * out of credit) does not count: its time is left out by moving this on.
   */
  readonly runningSince: string | null;
  readonly generated: EventData['Generated'] | null;
  readonly images: readonly StoredImage[];
  readonly error: (GenerationError & { readonly stage: Stage }) | null;
  readonly commandIds: readonly string[];
}

const NOTHING_SPENT = { generate: 0, download: 0 } as const;

/** Folds one event into the state. Total: it trusts the log, `decide` is where the rules are. */
export function evolve(state: Generation | null, event: GenerationEvent): Generation {
  if (event.type === 'GenerationRequested') return requested(event);
  if (!state) throw new Error(`The first event of a generation must be GenerationRequested, not ${event.type}`);

  const version = state.version + 1;
  const next = { ...state, version, commandIds: [...state.commandIds, event.commandId] };
  switch (event.type) {
    case 'AttemptStarted': {
      const { sent_images: sentImages, ...begun } = event.data;
      return {
        ...next,
        status: event.data.stage === 'generate' ? 'processing' : 'downloading',
        startedAt: state.startedAt ?? event.time,
        runningSince: state.runningSince ?? event.time,
        current: { ...begun, sentImages, fence: version, startedAt: event.time, prediction: null },
        unresolved: null,
        retryAt: null,
      };
    }
    case 'PredictionCreated': {
      const attempt = state.current ?? state.unresolved;
      if (!attempt) throw new Error('PredictionCreated without an attempt');
      const { prediction_id: id, provider, deadline } = event.data;
      const current = { ...attempt, prediction: { id, provider, deadline } };
      // An unresolved attempt was counted when it was given up; adopted, it is in hand again and not yet spent.
      const spent = state.current ? state.spent : { ...state.spent, generate: Math.max(0, state.spent.generate - 1) };
      const runningSince = state.runningSince ?? event.time;
      return { ...next, status: 'processing', current, unresolved: null, spent, retryAt: null, runningSince };
    }
    case 'Generated':
      return {
        ...next,
        status: 'downloading',
        stage: 'download',
        stageSince: version,
        current: null,
        spent: { generate: event.data.attempt, download: 0 },
        generated: event.data,
        error: null,
      };
    case 'Downloaded':
      return {
        ...next,
        status: 'completed',
        completedAt: event.time,
        current: null,
        spent: { ...state.spent, download: event.data.attempt },
        images: event.data.images,
        error: null,
      };
    case 'AttemptFailed': {
      const { stage, error, counted, retry_at, retry_stage } = event.data;
      return {
        ...next,
        status: retry_stage === 'generate' ? 'queued' : 'downloading',
        stage: retry_stage,
        stageSince: version,
        current: null,
        unresolved: error.code === 'outcome_unknown' ? (generateAttempt(state) ?? state.unresolved) : state.unresolved,
        spent: counted ? { ...state.spent, [stage]: state.spent[stage] + 1 } : state.spent,
        retryAt: retry_at,
        runningSince: counted ? state.runningSince : withoutPause(state, retry_at),
        generated: retry_stage === 'generate' ? null : state.generated,
        error: { ...error, stage },
      };
    }
    case 'Failed':
      return {
        ...next,
        status: 'failed',
        completedAt: event.time,
        current: null,
        // Work that was given up says nothing of its prediction: a redrive must not pay beside one that still runs.
        unresolved:
          event.data.error.code === 'delivery_exhausted' ? (generateAttempt(state) ?? state.unresolved) : null,
        spent: { ...state.spent, [event.data.stage]: event.data.attempts },
        retryAt: null,
        error: { ...event.data.error, stage: event.data.stage },
      };
    case 'Cancelled':
      return { ...next, status: 'cancelled', completedAt: event.time, retryAt: null };
    case 'RetryRequested':
      return {
        ...next,
        status: event.data.stage === 'generate' ? 'queued' : 'downloading',
        stage: event.data.stage,
        stageSince: version,
        completedAt: null,
        spent: NOTHING_SPENT,
        runningSince: null,
        generated: event.data.stage === 'generate' ? null : state.generated,
        error: null,
      };
  }
}

/** `runningSince`, moved on by the time from the beginning of the attempt in hand to `until`. */
function withoutPause({ runningSince, current }: Generation, until: string): string | null {
  if (runningSince === null || !current) return runningSince;
  const pause = Math.max(0, Date.parse(until) - Date.parse(current.startedAt));
  return new Date(Date.parse(runningSince) + pause).toISOString();
}

function generateAttempt({ current }: Generation): Attempt | null {
  return current?.stage === 'generate' ? current : null;
}

function requested(event: GenerationEvent<'GenerationRequested'>): Generation {
  const { scheduled_at } = event.data;
  return {
    version: 1,
    status: scheduled_at !== null && scheduled_at > event.time ? 'scheduled' : 'queued',
    request: event.data,
    createdAt: event.time,
    startedAt: null,
    completedAt: null,
    current: null,
    unresolved: null,
    spent: NOTHING_SPENT,
    stage: 'generate',
    stageSince: 1,
    retryAt: null,
    runningSince: null,
    generated: null,
    images: [],
    error: null,
    commandIds: [event.commandId],
  };
}

/** The state after all events of one generation, oldest first; null when there are none. */
export function fold(events: Iterable<GenerationEvent>): Generation | null {
  let state: Generation | null = null;
  for (const event of events) state = evolve(state, event);
  return state;
}

/**
 * The status as a reader sees it at a moment: a schedule that has come due is queued, although no event says so
 * (the schedule is kept by the broker, and fires without asking us).
 */
export function statusAt(generation: Generation, now: string): Status {
  const { scheduled_at } = generation.request;
  return generation.status === 'scheduled' && scheduled_at !== null && scheduled_at <= now
    ? 'queued'
    : generation.status;
}

const PROGRESS: Readonly<Record<Status, number>> = {
  scheduled: 0,
  queued: 10,
  processing: 10,
  downloading: 80,
  completed: 100,
  failed: 100,
  cancelled: 100,
};

/**
 * Per cent, 0–100, as far as the status alone tells: where each begins. What the provider tells of a run lies between
 * 10 and 80, what the download tells between 80 and 99 (docs/adr/0018). An ended generation is at 100.
 */
export function progressOf(status: Status): number {
  return PROGRESS[status];
}
