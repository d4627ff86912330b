import {
  generationIdFrom,
  generationIdOfImage,
  isGenerationId,
  isTerminal,
  fold,
  viewOf,
  waitsForTurn,
  withImages,
  type Command,
  type Generation,
  type GenerationView,
  type PreparedGeneration,
  type Rejection,
  type Standing,
  type StoredImage,
} from '@darkroom/domain';
import {
  EventStoreError,
  type CommandRunner,
  type EventStore,
  type QueuePositions,
  type RecordedEvent,
} from '@darkroom/events';
import { BadCursor, type GenerationFilters, type ReadModels } from '@darkroom/read-models';
import { v7 as uuidv7 } from 'uuid';
import { AppError, invalid } from '../errors/app-error.js';
import { followEvents, followGeneration, type Moment } from '../live/follow.js';
import type { LiveHub } from '../live/live-hub.js';
import type { Admission } from './admission.js';
import type { GenerationRequest } from './generation-request.js';
import type { IdempotencyKeys, KeyHolder } from './idempotency-keys.js';
import type { ModelCatalogue } from './models.js';
import type { OwnImages } from './own-images.js';
import { prepareRequest, type PreparedRequest, type RequestRules } from './prepare-request.js';
import type { Principal } from './principal.js';
import { requestHash } from './request-hash.js';
import { LONGEST_COMMAND_MS, within } from './within.js';

export interface RequestOptions {
  readonly idempotencyKey: string | null;
  /** W3C traceparent. */
  readonly trace: string | null;
  /** How long to wait for the end of the generation; `signal` ends the wait early. */
  readonly wait: { readonly seconds: number; readonly signal: AbortSignal } | null;
}

/** A generation that was accepted, now or before. */
export interface Accepted {
  readonly generation: GenerationView;
  /** What is left of its user's limits after it; null when nothing was counted. */
  readonly standings: readonly Standing[] | null;
}

export interface ListOptions {
  /** Generations of a page. */
  readonly limit: number;
  /** `nextCursor` of the page before; null for the first. */
  readonly cursor: string | null;
  readonly filters: GenerationFilters;
  /** The page must reflect the log up to here. */
  readonly minPosition: number;
}

export interface Page {
  readonly generations: readonly GenerationView[];
  readonly nextCursor: string | null;
  readonly position: number;
}

export interface FollowOptions {
  /** Changes up to this position are known; null: begin with the present state. */
  readonly after: number | null;
  /** Abort it when nobody listens any more. */
  readonly signal: AbortSignal;
}

/** Changes of one generation, to be iterated once. */
export interface Following extends AsyncIterable<GenerationView> {
  /** Whether there is nothing to tell: the generation has ended, and all of it is known. */
  readonly ended: boolean;
}

/** Longest wait for the broker to tell where a generation stands. Milliseconds. */
const LONGEST_QUEUE_LOOK_MS = 1_000;

/** Longest wait of a list for the projection. Milliseconds. */
const LONGEST_LIST_WAIT_MS = 5_000;

/** A generation at a position of the log. */
interface Snapshot {
  readonly state: Generation;
  readonly position: number;
}

/**
 * What clients can do with generations: the one service under REST and GraphQL. It knows nothing of HTTP; whatever goes
 * wrong is an AppError, or an EventStoreError when the log cannot be used.
 */
export class GenerationsService {
  constructor(
    private readonly store: EventStore,
    private readonly runner: CommandRunner,
    private readonly keys: IdempotencyKeys,
    private readonly admission: Admission,
    private readonly live: LiveHub,
    private readonly readModels: Pick<ReadModels, 'generations' | 'positions'>,
    private readonly rules: RequestRules,
    private readonly queue: Pick<QueuePositions, 'of'>,
    private readonly models: ModelCatalogue,
    private readonly ownImages: OwnImages,
  ) {}

  /** What a request would send to the provider and cost. Stores and spends nothing. */
  async quote(principal: Principal, body: GenerationRequest): Promise<PreparedGeneration> {
    // With the addresses that the client gave: where we keep its images is none of its business.
    return (await this.#prepare(principal, body, new Date())).prepared;
  }

  /**
   * Accepts a request: when this resolves the generation is in the log. With an idempotency key, any number of calls,
   * at once or years apart, make one generation and answer it.
   * @throws AppError `rate_limited`: nothing is kept, and the same key will do later
   */
  async request(principal: Principal, body: GenerationRequest, options: RequestOptions): Promise<Accepted> {
    const { idempotencyKey: key, trace, wait } = options;
    const hash = requestHash(body);
    const known = key === null ? null : await this.#find(principal, key, hash);
    // Already accepted: no rule that has changed since may refuse it now.
    const accepted = known && (await this.#load(known.generationId));
    if (known && accepted) {
      // To wait, look again once the listening has begun: it may have ended in between.
      const begin = async () => (wait && (await this.#reload(known.generationId))) ?? accepted;
      return { generation: await this.#ended(known.generationId, wait, begin), standings: null };
    }

    const now = new Date();
    const { request } = await this.#prepare(principal, body, now);
    const candidate = { generationId: generationIdFrom(uuidv7()), requestHash: hash };
    // Keys are kept for ever: none for a request that is refused.
    if (key !== null && !known) await this.admission.check(principal);
    // The key is held before anything is appended. Whoever dies in between leaves a key to which the next call with it
    // appends the request: every holder of the key carries out the same command on the same generation.
    const holder = known ?? (key === null ? candidate : await this.keys.reserve(principal.userId, key, candidate));
    assertSameRequest(holder, hash);

    const id = holder.generationId;
    const command: Command = {
      type: 'Request',
      commandId: `request:${id}`,
      at: now.toISOString(),
      request: {
        ...request,
        user_id: principal.userId,
        request_hash: hash,
        concurrency_limit: principal.limits.concurrent,
      },
    };
    let standings: Accepted['standings'] = null;
    const begin = async () => {
      const append = (withinMs: number) => this.#execute(id, command, trace, withinMs);
      const admitted = await this.admission.admit(principal, id, append, { shared: key !== null });
      standings = admitted.standings;
      return admitted.result;
    };
    return { generation: await this.#ended(id, wait, begin), standings };
  }

  async get(principal: Principal, id: string): Promise<GenerationView> {
    const snapshot = await this.#owned(principal, id);
    const queue_position = await this.#queuePosition(id, snapshot.state);
    return { ...this.#view(id, snapshot), queue_position };
  }

  /**
   * A page of the principal's generations, of everybody's for operators.
   * @throws ReadModelUnavailable
   */
  async list(principal: Principal, { limit, cursor, filters, minPosition }: ListOptions): Promise<Page> {
    if (minPosition > 0 && !(await this.readModels.positions.waitFor(minPosition, LONGEST_LIST_WAIT_MS))) {
      const detail = `The lists do not reflect position ${minPosition} of the log yet`;
      throw new AppError('unavailable', detail, { retryAfterSeconds: 1 });
    }
    const now = new Date().toISOString();
    const userId = principal.operator ? null : principal.userId;
    try {
      const page = await this.readModels.generations.list({ userId, filters, limit, cursor, now });
      const { publicUrl } = this.rules;
      const generations = page.rows.map(({ id, state, position }) => viewOf(state, { id, position, now, publicUrl }));
      return { generations, nextCursor: page.nextCursor, position: page.position };
    } catch (error) {
      if (!(error instanceof BadCursor)) throw error;
      throw invalid([{ field: 'cursor', message: 'cursor is none that a list has given out' }]);
    }
  }

  /** Every event, oldest first. */
  async history(principal: Principal, id: string): Promise<readonly RecordedEvent[]> {
    const { events } = await this.#ownedStream(principal, id);
    return events;
  }

  async cancel(principal: Principal, id: string, trace: string | null): Promise<GenerationView> {
    return this.#command(principal, id, trace, { type: 'Cancel', by: principal.userId, reason: null });
  }

  /** Begins a failed generation anew. @throws AppError `unknown_model`, but for operators, when its model is not offered */
  async retry(principal: Principal, id: string, trace: string | null): Promise<GenerationView> {
    const check = (state: Generation) => principal.operator || this.models.assertMayAskAgain(state);
    return this.#command(principal, id, trace, { type: 'Retry', by: principal.userId }, check);
  }

  /** A finished image and its generation, found through the log. */
  async image(principal: Principal, imageId: string): Promise<{ image: StoredImage; generation: GenerationView }> {
    const id = generationIdOfImage(imageId);
    if (id === null) throw notFound();
    const snapshot = await this.#owned(principal, id);
    return { image: imageOf(snapshot, imageId), generation: this.#view(id, snapshot) };
  }

  /** A finished image, whoever's it is: for those who have a link to it. */
  async linkedImage(imageId: string): Promise<StoredImage> {
    const id = generationIdOfImage(imageId);
    return imageOf(id === null ? null : await this.#load(id), imageId);
  }

  /**
   * The generation after each change from `after` on, in order, each exactly once; with `after: null` as it is now, then
   * after each further change. Ends after a terminal state that nothing follows, when `signal` aborts, and when the
   * gateway closes. A position beyond the end of the log is none of this log, and taken for null.
   * @throws AppError `not_found` at once; `unavailable` from the iteration, when the listener falls behind what happens
   * or the log cannot be read for long: follow again, after the last position that was heard
   */
  async follow(principal: Principal, id: string, { after, signal }: FollowOptions): Promise<Following> {
    const subscription = this.live.subscribe({ generationId: id }, signal, true);
    try {
      const stream = await this.#ownedStream(principal, id);
      const isOfThisLog = after === null || after <= stream.position || after <= (await this.live.lastPosition());
      const from = isOfThisLog ? after : null;
      const moments = followGeneration(id, stream, subscription, { after: from, store: this.store });
      const state = fold(stream.events);
      const ended = state !== null && isTerminal(state.status) && from !== null && stream.position <= from;
      return Object.assign(this.#views(moments), { ended });
    } catch (error) {
      subscription.end();
      throw error;
    }
  }

  /**
   * A generation after each of its changes, from now on: the principal's generations, everybody's for operators. Ends
   * when `signal` aborts and when the gateway closes.
   * @throws AppError `unavailable` from the iteration: changes may have been missed; subscribe again, and look
   */
  followAll(principal: Principal, { signal }: { readonly signal: AbortSignal }): AsyncIterable<GenerationView> {
    const interest = principal.operator ? 'everything' : { userId: principal.userId };
    return this.#views(followEvents(this.live.subscribe(interest, signal), () => this.live.states));
  }

  async *#views(moments: AsyncIterable<Moment>): AsyncGenerator<GenerationView, void, void> {
    let last: GenerationView | undefined;
    for await (const { id, time, ...snapshot } of moments) {
      const view = this.#view(id, snapshot, time ?? undefined);
      // No event, and no step forward: of another attempt, or told with the event before.
      if (view.position === last?.position && view.progress <= last.progress) continue;
      yield (last = view);
    }
  }

  async #command(
    principal: Principal,
    id: string,
    trace: string | null,
    intent: { type: 'Cancel'; by: string; reason: string | null } | { type: 'Retry'; by: string },
    check: (state: Generation) => unknown = () => undefined,
  ): Promise<GenerationView> {
    check((await this.#owned(principal, id)).state);
    const command: Command = { ...intent, commandId: uuidv7(), at: new Date().toISOString() };
    return this.#view(id, await this.#execute(id, command, trace));
  }

  async #execute(id: string, command: Command, trace: string | null, withinMs = LONGEST_COMMAND_MS): Promise<Snapshot> {
    const late = () => new EventStoreError('unknown', 'The log did not answer in time');
    const outcome = await within(withinMs, this.runner.execute(id, command, trace), late);
    if (outcome.kind === 'rejected') throw refusal(outcome.rejection);
    return outcome;
  }

  /** The request, with the keys of our storage in place of the user's own images. */
  async #prepare({ userId }: Principal, body: GenerationRequest, now: Date): Promise<PreparedRequest> {
    const prepared = prepareRequest(body, this.models, this.rules, now);
    const stored = await this.ownImages.resolve(userId, prepared.images);
    if (stored.size === 0) return prepared;
    const { request, prepared: ready } = prepared;
    const provider_input = withImages(ready.model, request.provider_input, (address) => stored.get(address) ?? address);
    return { ...prepared, request: { ...request, provider_input } };
  }

  async #find({ userId }: Principal, key: string, hash: string): Promise<KeyHolder | null> {
    const holder = await this.keys.find(userId, key);
    if (holder) assertSameRequest(holder, hash);
    return holder;
  }

  /** Begins, then waits for the end of the generation if that is asked for; answers how it stands then. */
  async #ended(id: string, wait: RequestOptions['wait'], begin: () => Promise<Snapshot>): Promise<GenerationView> {
    if (!wait) return this.#view(id, await begin());
    const signal = AbortSignal.any([wait.signal, AbortSignal.timeout(wait.seconds * 1_000)]);
    const subscription = this.live.subscribe({ generationId: id }, signal);
    try {
      const changes = subscription[Symbol.asyncIterator]();
      let snapshot = await begin();
      while (!isTerminal(snapshot.state.status)) {
        // A subscription that is cut ends the wait, no more: the request has been accepted.
        const { done } = await changes.next().catch(() => ({ done: true }));
        snapshot = (await this.#reload(id)) ?? snapshot;
        if (done) break;
      }
      return this.#view(id, snapshot);
    } finally {
      subscription.end();
    }
  }

  /** Null when the log cannot be read now: the request has been accepted, and that is what the client has to hear. */
  async #reload(id: string): Promise<Snapshot | null> {
    try {
      return await this.#load(id);
    } catch (error) {
      if (error instanceof EventStoreError) return null;
      throw error;
    }
  }

  async #load(id: string): Promise<Snapshot | null> {
    const { events, position } = await this.store.load(id);
    const state = fold(events);
    return state && { state, position };
  }

  async #owned(principal: Principal, id: string): Promise<Snapshot> {
    const { events, position } = await this.#ownedStream(principal, id);
    const state = fold(events);
    if (!state) throw notFound();
    return { state, position };
  }

  /** Another user's generation is told by nothing from one that does not exist. */
  async #ownedStream(principal: Principal, id: string) {
    if (!isGenerationId(id)) throw notFound();
    const stream = await this.store.load(id);
    const owner = stream.events[0]?.userId;
    if (owner === undefined || (owner !== principal.userId && !principal.operator)) throw notFound();
    return stream;
  }

  /** Null also when the broker does not say: it is a courtesy, and no reason to answer nothing. */
  async #queuePosition(generationId: string, state: Generation): Promise<number | null> {
    if (!waitsForTurn(state, new Date().toISOString())) return null;
    const { user_id: userId, lane, concurrency_limit } = state.request;
    const asked = this.queue.of({ generationId, userId, lane, limited: concurrency_limit !== null });
    const late = () => new EventStoreError('unavailable', 'The broker did not tell the queue in time');
    try {
      return await within(LONGEST_QUEUE_LOOK_MS, asked, late);
    } catch (error) {
      if (error instanceof EventStoreError) return null;
      throw error;
    }
  }

  #view(id: string, { state, position }: Snapshot, now = new Date().toISOString()): GenerationView {
    const progress = this.live.progressOf(id, state);
    return viewOf(state, { id, position, now, publicUrl: this.rules.publicUrl, progress });
  }
}

/** @throws AppError `not_found` */
function imageOf(snapshot: Snapshot | null, imageId: string): StoredImage {
  const image = snapshot?.state.images.find((candidate) => candidate.id === imageId);
  if (!image) throw notFound();
  return image;
}

function notFound(): AppError {
  return new AppError('not_found', 'There is nothing here that you can see');
}

function assertSameRequest(holder: KeyHolder, hash: string): void {
  if (holder.requestHash === hash) return;
  throw new AppError('idempotency_conflict', 'This idempotency key was used with another request body');
}

function refusal({ code, message }: Rejection): AppError {
  if (code === 'not_found') return notFound();
  return new AppError('invalid_state', message);
}
