import { setTimeout as delay } from 'node:timers/promises';
import { types } from 'node:util';
import { request, type Dispatcher } from 'undici';
import { ProviderError, throttledMs, type ProviderErrorKind } from '../provider.port.js';
import { isFile, isPrediction, isPredictionPage, violations } from '../schemas/index.js';
import { failedBeforeSending, reasonOf } from './network-error.js';
import { type Answer, isRefusal, refusalError } from './problem.js';

export type Operation = 'create' | 'get' | 'cancel' | 'list' | 'upload';

/**
 * One finished call, its retries included: `code` is `ok` or the kind of its error. A 429 that was waited out is one of its
 * own, in the time of the call that it held up.
 */
export interface ProviderCall {
  readonly operation: Operation;
  readonly code: 'ok' | ProviderErrorKind;
  readonly seconds: number;
}

export type CallObserver = (call: ProviderCall) => void;

/** How a provider's rate limits are kept. */
export interface RateLimits {
  /** Awaited before every single exchange that is not a create: each page, each retry. What it throws ends the call. */
  beforeCall?(operation: Exclude<Operation, 'create'>, signal: AbortSignal | undefined): Promise<void>;
  /** Told of every 429, and how long nothing is to be asked. What it throws becomes a process warning. */
  onThrottled?(operation: Operation, pauseMs: number): void;
}

/** Milliseconds for one attempt, from connecting to the last byte of the answer. */
export interface Timeouts {
  readonly createMs: number;
  readonly readMs: number;
  readonly uploadMs: number;
}

/** Longest that a read waits when it is throttled: who is told a wrong time asks again soon. Milliseconds. */
const LONGEST_WAIT_MS = 60_000;

const READ_ATTEMPTS = 4;
const FIRST_BACKOFF_MS = 250;

/**
 * The `fetch` that is given to the `replicate` package, to hold what the package does not: one POST for one create, a time
 * limit, and errors that say whether anything was paid for.
 *
 * The package repeats any call whose fetch rejects or answers 429 or 5xx, a create too. So this one never rejects and
 * answers every failure with a plain 400; {@link failureOf} tells what it stands for.
 */
export class ProviderFetch {
  readonly #failures = new WeakMap<Response, ProviderError>();
  readonly #bodies = new WeakMap<Response, unknown>();

  constructor(
    private readonly timeouts: Timeouts,
    private readonly onCall: CallObserver | undefined,
    private readonly limits: RateLimits = {},
  ) {}

  /** The failure behind an error that the package threw, if it is one of ours. */
  failureOf(error: unknown): ProviderError | undefined {
    const response = types.isNativeError(error) && 'response' in error ? error.response : undefined;
    return response instanceof Response ? this.#failures.get(response) : undefined;
  }

  /** The body behind an answer that the package handed on, checked against its schema. */
  bodyOf(response: Response): unknown {
    return this.#bodies.get(response);
  }

  readonly fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    const operation = operationOf(init.method ?? 'GET', url.pathname);
    const startedAt = performance.now();
    const report = (code: ProviderCall['code']) =>
      this.#report({ operation, code, seconds: (performance.now() - startedAt) / 1_000 });
    const waitOut = async (error: ProviderError): Promise<void> => {
      const pauseMs = Math.min(throttledMs(error), LONGEST_WAIT_MS);
      report(error.kind);
      this.#tellThrottled(operation, pauseMs);
      await delay(pauseMs, undefined, { signal: init.signal ?? undefined });
    };
    try {
      const body = await (operation === 'create' ? this.#create(url, init) : this.#read(url, init, operation, waitOut));
      report('ok');
      const response = new Response(null);
      this.#bodies.set(response, body);
      return response;
    } catch (error) {
      const failure =
        error instanceof ProviderError
          ? error
          : new ProviderError(operation === 'create' ? 'outcome_unknown' : 'unavailable', reasonOf(error), {
              cause: error,
            });
      report(failure.kind);
      if (failure.kind === 'throttled') this.#tellThrottled(operation, throttledMs(failure));
      const response = new Response(null, { status: 400 });
      this.#failures.set(response, failure);
      return response;
    }
  };

  /** An observer that throws must not cost a prediction, nor make the package send a create again. */
  #report(call: ProviderCall): void {
    try {
      this.onCall?.(call);
    } catch (error) {
      process.emitWarning(`The observer of provider calls failed: ${reasonOf(error)}`);
    }
  }

  #tellThrottled(operation: Operation, pauseMs: number): void {
    try {
      this.limits.onThrottled?.(operation, pauseMs);
    } catch (error) {
      process.emitWarning(`Whoever keeps the rate limits failed: ${reasonOf(error)}`);
    }
  }

  /** One attempt, whatever happens. */
  async #create(url: URL, init: RequestInit): Promise<unknown> {
    if (init.signal?.aborted) throw new ProviderError('unavailable', 'Stopped before the prediction was asked for');
    const answer = await exchange(url, init, this.timeouts.createMs).catch((error: unknown) => {
      throw new ProviderError(failedBeforeSending(error) ? 'unavailable' : 'outcome_unknown', reasonOf(error), {
        cause: error,
      });
    });
    if (isRefusal(answer.status)) throw refusalError(answer, new Date());
    return checkedBody(answer, 'create', 'outcome_unknown');
  }

  /**
   * Repeated with backoff and jitter: reads have no effect, a cancel the same effect each time, an upload a harmless one.
   * Being throttled is no failure, and waited out however often, but for an upload: only the attempt that it is for fails.
   */
  async #read(
    url: URL,
    init: RequestInit,
    operation: Exclude<Operation, 'create'>,
    waitOut: (error: ProviderError) => Promise<void>,
  ): Promise<unknown> {
    const timeoutMs = operation === 'upload' ? this.timeouts.uploadMs : this.timeouts.readMs;
    for (let failures = 0; ;) {
      await this.limits.beforeCall?.(operation, init.signal ?? undefined);
      try {
        const answer = await exchange(url, init, timeoutMs);
        if (isRefusal(answer.status)) throw refusalError(answer, new Date());
        return checkedBody(answer, operation, 'unavailable');
      } catch (error) {
        if (init.signal?.aborted) throw error;
        if (error instanceof ProviderError && error.kind === 'throttled' && operation !== 'upload') {
          await waitOut(error);
          continue;
        }
        const final = error instanceof ProviderError && error.kind !== 'unavailable';
        failures += 1;
        if (final || failures === READ_ATTEMPTS) throw error;
      }
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (failures - 1);
      await delay(backoffMs * (0.5 + Math.random() / 2), undefined, { signal: init.signal ?? undefined });
    }
  }
}

function operationOf(method: string, path: string): Operation {
  if (method === 'POST' && path.endsWith('/files')) return 'upload';
  if (method === 'POST') return path.endsWith('/cancel') ? 'cancel' : 'create';
  return path.endsWith('/predictions') ? 'list' : 'get';
}

/**
 * One exchange. Unlike `fetch`, `request` follows no redirect, which would send a POST a second time and the token to
 * another host, and repeats no POST that is answered with 421; and it costs half as much.
 */
async function exchange(url: URL, { method, headers, body, signal }: RequestInit, timeoutMs: number): Promise<Answer> {
  const stop = new AbortController();
  const abort = (): void => stop.abort(signal?.reason);
  const timer = setTimeout(() => stop.abort(new Error(`Not answered within ${timeoutMs} ms`)), timeoutMs);
  signal?.addEventListener('abort', abort);
  try {
    signal?.throwIfAborted();
    const form = body instanceof FormData ? new Response(body) : null;
    const answer = await request(url, {
      method: method as Dispatcher.HttpMethod,
      headers: { ...(headers as Record<string, string>), ...(form && Object.fromEntries(form.headers)) },
      body: form ? Buffer.from(await form.arrayBuffer()) : (body as string | undefined),
      signal: stop.signal,
    });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** The body of a success. Anything else (5xx, a redirect, a body cut short or not of the schema) is an error of `kind`. */
function checkedBody(answer: Answer, operation: Operation, kind: ProviderErrorKind): unknown {
  const { status } = answer;
  if (status < 200 || status > 299) throw new ProviderError(kind, `Replicate answered ${status}`, { status });
  const validate = operation === 'list' ? isPredictionPage : operation === 'upload' ? isFile : isPrediction;
  let body: unknown;
  try {
    body = JSON.parse(answer.text);
  } catch (cause) {
    throw new ProviderError(kind, 'Replicate answered with a body that is not JSON', { status, cause });
  }
  if (!validate(body)) {
    throw new ProviderError(kind, `Replicate answered with an unexpected body: ${violations(validate)}`, { status });
  }
  return body;
}
