import {
  attemptTimeMs,
  giveUpAt,
  isTerminal,
  retryDelayMs,
  type Attempt,
  type FailureCode,
  type Generation,
  type GenerationError,
} from '@darkroom/domain';
import {
  CommandRunner,
  snapshotOf,
  type EventStore,
  type Outcome,
  type PredictionClaims,
  type RecordedEvent,
  type Signals,
  type Snapshot,
} from '@darkroom/events';
import { ProviderError, type ImageProvider, type Prediction } from '@darkroom/provider';
import { commandOf, type Intent } from '../command-of.js';
import type { HandedOver, SourceImages } from '../sources/hand-over.js';
import { percentIn, runProgress } from '../progress/percent.js';
import { tellProgress } from '../progress/tell-progress.js';
import type { CreateGuards, CreatePermit } from './create-guards.js';
import type { Passage } from './credit-gate.js';
import { LAST_LOOK_MS, type PredictionFinder, type Search } from './prediction-finder.js';
import { insist } from './insist.js';
import type { AttemptEnd } from './model-breakers.js';
import { afterPauseMs, createFailure, outcomeOf, type CreateFailure } from './prediction-outcome.js';
import type { Ending, PredictionWatch } from './prediction-watch.js';

export interface GeneratorOptions {
  /** Written into AttemptStarted. */
  readonly worker: string;
  /** For all attempts of a generation together. Milliseconds. */
  readonly generationTimeoutMs: number;
  /** Between the provider's own deadline and ours: its clock may differ, and its answer takes time. Milliseconds. */
  readonly deadlineMarginMs: number;
  readonly retryBaseMs: number;
  /** Where the provider tells of its predictions; null: nowhere. */
  readonly webhookUrl: string | null;
  /** How long work waits that met an account without credit. Milliseconds. */
  readonly outOfCreditPauseMs: number;
}

/** A piece of work, and what is needed to go through with it. */
interface Task {
  readonly work: RecordedEvent;
  readonly signal: AbortSignal;
  readonly permit: CreatePermit;
}

/** An attempt that is in the log, and its generation as it was then: what comes next needs no look at the log. */
interface Begun {
  readonly attempt: Attempt;
  readonly known: Snapshot;
  /** When its prediction was created, by the provider's clock, if that was told. */
  readonly createdAt?: string;
}

/** Of work whose time is over: it only ends. */
const NO_TIME_LEFT = {
  error: { code: 'generation_timeout', message: 'No time was left for an attempt', retryable: false },
  counted: true,
  pauseMs: null,
} as const satisfies CreateFailure;

/**
 * The generate stage: from a request to the provider's finished images, paid for once. The steps of docs/ARCHITECTURE.md
 * ("Paying once") in their order; every await may be the last, and the next delivery goes on from what the log says.
 */
export class Generator {
  constructor(
    private readonly store: EventStore,
    private readonly runner: CommandRunner,
    private readonly provider: ImageProvider,
    private readonly claims: PredictionClaims,
    private readonly finder: PredictionFinder,
    private readonly watch: PredictionWatch,
    private readonly signals: Pick<Signals, 'progress'>,
    private readonly guards: CreateGuards,
    private readonly images: SourceImages,
    private readonly options: GeneratorOptions,
  ) {}

  /**
   * @param firstDelivery the work was given to nobody before. A request that nobody has seen needs no look at the log:
   * if something has happened to it since, the append of its first attempt loses.
   * @throws HandBack when `signal` aborts; any other error: deliver the work again
   */
  async generate(work: RecordedEvent, signal: AbortSignal, permit: CreatePermit, firstDelivery = false): Promise<void> {
    const id = work.generationId;
    const isNew = firstDelivery && work.type === 'GenerationRequested';
    const known = snapshotOf(isNew ? [work] : (await this.store.load(id)).events);
    const { state } = known;
    if (!state || isTerminal(state.status) || state.stage !== 'generate') return;
    // Newer work for this generation exists: it was sent back to the queue after this item was put there.
    if (work.version < state.stageSince) return;

    const { breakers } = this.guards;
    const model = state.request.model_id;
    if (state.current) {
      permit.returnPermit();
      const begun = { attempt: state.current, known };
      return breakers.resume(model, () =>
        this.guards.unlessAway(work, signal, async () =>
          this.#goOn(id, state, await this.#resume(id, state, begun, signal), signal),
        ),
      );
    }
    const task = { work, signal, permit };
    const attempt = () =>
      this.guards.unlessAway(work, signal, async () =>
        this.#goOn(id, state, await this.#begin(id, state, known, task), signal),
      );
    // What ends here asks nothing of the model.
    if (this.guards.isOver(state)) return void (await attempt());
    const wait = breakers.waitMs(model, Date.now(), Math.random());
    if (wait > 0) return this.guards.putOff(work, state, wait);
    await breakers.begin(model, attempt);
  }

  /** From a prediction to its end. What is no attempt with a prediction has ended already. */
  async #goOn(id: string, state: Generation, begun: Begun | AttemptEnd, signal: AbortSignal): Promise<AttemptEnd> {
    if (begun === null || typeof begun === 'string') return begun;
    if (!begun.attempt.prediction) return null;
    return this.#finish(id, state, begun, await this.#ending(id, begun, begun.attempt.prediction.id, signal));
  }

  /** A new attempt: fence first, then the one POST. Answers the attempt once its prediction is in the log. */
  async #begin(id: string, state: Generation, known: Snapshot, task: Task): Promise<Begun | AttemptEnd> {
    const { signal } = task;
    if (state.unresolved) {
      // The last look for a prediction whose answer was lost, now that it cannot be running any more.
      const adopted = await this.#adopt(id, state, { attempt: state.unresolved, known }, signal, {
        looksMs: LAST_LOOK_MS,
      });
      if (adopted) return adopted;
    }
    const handed = this.guards.isOver(state)
      ? NO_TIME_LEFT
      : await this.images.handOver(state.request, task.permit, signal);
    if ('error' in handed) return this.#create(id, state, known, null, handed, task);
    const { credit } = this.guards;
    const passage = await credit.enter(signal);
    if (!passage) {
      await this.guards.putOff(task.work, state, credit.waitMs(Date.now(), Math.random()));
      return null;
    }
    try {
      // Before the fence: after it, nothing may be waited for.
      await task.permit.usePermit();
      return await this.#create(id, state, known, passage, handed, task);
    } finally {
      passage.leave();
    }
  }

  async #create(
    id: string,
    state: Generation,
    known: Snapshot,
    passage: Passage | null,
    handed: HandedOver | CreateFailure,
    { signal, permit }: Task,
  ): Promise<Begun | AttemptEnd> {
    const { worker, generationTimeoutMs, deadlineMarginMs } = this.options;
    const now = new Date();
    const timeMs = attemptTimeMs(state, now.toISOString(), generationTimeoutMs);
    if (timeMs === null) return this.#noTimeLeft(id, state);
    // Without its images nothing is asked for, and no prediction of this attempt can be running.
    const asked = 'error' in handed ? null : new Date(now.getTime() + timeMs + deadlineMarginMs).toISOString();
    const begin = { type: 'StartAttempt', stage: 'generate', worker, deadline: asked, seen: state.version } as const;
    const start = commandOf({ ...begin, sentImages: 'error' in handed ? [] : handed.sent });
    const started = await insist(this.runner, id, start, known, signal);
    // The next may begin; what comes now is the provider's time.
    permit.returnPermit();
    if (started.kind === 'rejected') return this.#notStarted(id, state, started);
    const attempt = started.state.current;
    // Our append's answer was lost, and the generation has moved on since: cancelled, given up on, or begun by another.
    if (attempt?.startedAt !== start.at || attempt.worker !== worker || isTerminal(started.state.status)) return null;

    const begun = { attempt, known: started };
    if ('error' in handed) return this.#fail(id, begun, handed.error, handed);
    if (Date.now() - Date.parse(attempt.startedAt) > deadlineMarginMs) {
      // Suspended since: others may have given this attempt up by now, and begun the next one.
      const error = { code: 'internal', message: 'The worker was suspended before it asked', retryable: true } as const;
      return this.#fail(id, begun, error, { counted: false, pauseMs: 0 });
    }
    let prediction: Prediction;
    try {
      // Never aborted: a create whose answer nobody waits for may still be paid for.
      prediction = await this.provider.create({
        model: state.request.model_id,
        version: state.request.provider_version,
        input: handed.input,
        cancelAfterSeconds: Math.floor(timeMs / 1_000),
        ...this.#webhook(id, attempt),
      });
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (error.kind === 'outcome_unknown') return this.#resolve(id, state, begun, signal, error.message);
      const { error: failure, counted, pauseMs } = createFailure(error, this.options.outOfCreditPauseMs);
      const code = await this.#fail(id, begun, failure, { counted, pauseMs });
      if (error.kind === 'out_of_credit') await passage?.refused();
      return code;
    }
    passage?.paid();
    return this.#record(id, state, begun, prediction, signal);
  }

  async #notStarted(
    id: string,
    known: Generation,
    { rejection, state }: Extract<Outcome, { kind: 'rejected' }>,
  ): Promise<null> {
    if (rejection.code === 'attempts_exhausted') {
      const error = (state ?? known).error ?? { code: 'internal', message: rejection.message, retryable: false };
      await this.#giveUp(id, error);
      return null;
    }
    if (rejection.code === 'deadline_passed') {
      await this.#giveUp(id, { code: 'deadline_passed', message: rejection.message });
      return null;
    }
    if (rejection.code === 'invalid_state') return null;
    // too_early: our clock is behind the broker's; stale_attempt: another worker began, or has been there since we looked.
    // All are settled by a repetition.
    throw new Error(`Attempt of ${id} was not begun: ${rejection.message}`);
  }

  async #noTimeLeft(id: string, { error }: Generation): Promise<null> {
    const message = `No time was left for another attempt${error ? `: ${error.message}` : ''}`;
    await this.#giveUp(id, { code: 'generation_timeout', message });
    return null;
  }

  async #giveUp(id: string, { code, message }: Pick<GenerationError, 'code' | 'message'>): Promise<void> {
    await this.#execute(id, { type: 'Fail', error: { code, message, retryable: false } });
  }

  /** An attempt that was begun before: by a worker that died, or that is still alive and silent. */
  async #resume(id: string, state: Generation, begun: Begun, signal: AbortSignal): Promise<Begun | AttemptEnd> {
    if (begun.attempt.prediction) return begun;
    return this.#resolve(id, state, begun, signal, 'The worker was interrupted while it asked for the prediction');
  }

  /** The outcome of a create is unknown. It is never sent again: the prediction is found, or its deadline is waited for. */
  async #resolve(
    id: string,
    state: Generation,
    begun: Begun,
    signal: AbortSignal,
    reason: string,
  ): Promise<Begun | AttemptEnd> {
    const adopted = await this.#adopt(id, state, begun, signal);
    if (adopted) return adopted;
    const code = await this.#fail(
      id,
      begun,
      { code: 'outcome_unknown', message: reason.slice(0, 1_000), retryable: true },
      { counted: true, pauseMs: null },
    );
    // A webhook may have told of it meanwhile: then it was not given up.
    const known = snapshotOf((await this.store.load(id)).events);
    const attempt = known.state && !isTerminal(known.state.status) ? known.state.current : null;
    return attempt?.fence === begun.attempt.fence ? { attempt, known } : code;
  }

  async #adopt(
    generationId: string,
    state: Generation,
    begun: Begun,
    signal: AbortSignal,
    search?: Search,
  ): Promise<Begun | null> {
    const wanted = { generationId, request: state.request, attempt: begun.attempt };
    const prediction = await this.finder.find(wanted, signal, search);
    return prediction && this.#append(generationId, begun, prediction, true);
  }

  /** The answer of a create came in. */
  async #record(
    id: string,
    state: Generation,
    begun: Begun,
    prediction: Prediction,
    signal: AbortSignal,
  ): Promise<Begun | AttemptEnd> {
    if (await this.claims.claim(prediction.id, id, begun.attempt)) return this.#append(id, begun, prediction, false);
    // A generation that asked for the same, and whose answer was lost, took it for its own. Its own is there for us.
    return this.#resolve(id, state, begun, signal, 'The prediction was adopted by a generation with the same input');
  }

  async #append(
    id: string,
    { attempt, known }: Begun,
    prediction: Prediction,
    adopted: boolean,
  ): Promise<Begun | null> {
    const record = commandOf({
      type: 'RecordPrediction',
      fence: attempt.fence,
      provider: this.provider.name,
      predictionId: prediction.id,
      deadline: prediction.deadline,
      adopted,
    });
    const outcome = await this.runner.execute(id, record, null, known);
    const { createdAt } = prediction;
    if (outcome.kind === 'done') {
      return outcome.state.current && { attempt: outcome.state.current, known: outcome, createdAt };
    }
    // Cancelled meanwhile, or overtaken: nobody wants this prediction any more.
    await this.provider.cancel(prediction.id);
    return null;
  }

  #webhook(generationId: string, { fence }: Attempt): { webhook?: string } {
    const { webhookUrl } = this.options;
    return webhookUrl === null ? {} : { webhook: `${webhookUrl}?generation=${generationId}&fence=${fence}` };
  }

  #ending(
    generationId: string,
    { attempt, createdAt }: Begun,
    predictionId: string,
    signal: AbortSignal,
  ): Promise<Ending> {
    const { fence, startedAt, deadline } = attempt;
    const tell = tellProgress({ generationId, fence }, (news) => this.signals.progress(news));
    const onLook = ({ logs }: Prediction): void => {
      const percent = percentIn(logs);
      if (percent !== null) tell(runProgress(percent));
    };
    return this.watch.ended(predictionId, { createdAt: createdAt ?? startedAt, deadline, onLook }, signal);
  }

  async #finish(id: string, state: Generation, begun: Begun, prediction: Ending): Promise<AttemptEnd> {
    if (prediction === 'lost') {
      const error = {
        code: 'prediction_failed',
        message: 'The provider no longer knows the prediction',
        retryable: true,
      } as const;
      return this.#fail(id, begun, error, { counted: true, pauseMs: null });
    }
    if (prediction === 'overdue') {
      const error = {
        code: 'prediction_timeout',
        message: 'The prediction did not end by its deadline',
        retryable: true,
      } as const;
      return this.#fail(id, begun, error, { counted: true, pauseMs: null });
    }
    const outcome = outcomeOf(prediction, state.request, new Date().toISOString());
    if (outcome.kind === 'failed') return this.#fail(id, begun, outcome.error, { counted: true, pauseMs: null });
    const { kind: _, ...generated } = outcome;
    const record = commandOf({ type: 'RecordGenerated', fence: begun.attempt.fence, ...generated });
    await this.runner.execute(id, record, null, begun.known);
    return 'generated';
  }

  /** Rejections are somebody else's doing: cancelled, or overtaken. There is nothing left to say then. */
  async #fail(
    id: string,
    { attempt, known }: Begun,
    error: GenerationError,
    { counted, pauseMs }: { counted: boolean; pauseMs: number | null },
  ): Promise<FailureCode> {
    const wait =
      pauseMs === null
        ? retryDelayMs(attempt.attempt, this.options.retryBaseMs, Math.random())
        : afterPauseMs(pauseMs, Math.random());
    const now = Date.now();
    const retryAt = new Date(now + wait).toISOString();
    const end = known.state
      ? giveUpAt(known.state, new Date(now).toISOString(), this.options.generationTimeoutMs)
      : undefined;
    await this.#execute(id, { type: 'FailAttempt', fence: attempt.fence, error, retryAt, giveUpAt: end, counted });
    return error.code;
  }

  #execute(id: string, intent: Intent): Promise<Outcome> {
    return this.runner.execute(id, commandOf(intent));
  }
}
