import Replicate from 'replicate';
import {
  type CallOptions,
  type ImageProvider,
  type Prediction,
  type PredictionRequest,
  ProviderError,
  type Upload,
  type UploadedFile,
} from '../provider.port.js';
import {
  isCreateEnvelope,
  isModelPredictionRequest,
  isVersionPredictionRequest,
  type ReplicateFile,
  type ReplicatePage,
  type ReplicatePrediction,
  violations,
} from '../schemas/index.js';
import { authorizationFor } from './authorization.js';
import { toPrediction } from './prediction.mapper.js';
import { type CallObserver, ProviderFetch, type RateLimits, type Timeouts } from './provider-fetch.js';

export interface ReplicateOptions extends RateLimits {
  /** For instance `https://api.replicate.com/v1`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly userAgent?: string;
  /** Milliseconds for one attempt; default 60,000 for a create or an upload and 10,000 for everything else. */
  readonly timeouts?: Partial<Timeouts>;
  /** Told of every finished call, each page of a list being one. What it throws becomes a process warning. */
  readonly onCall?: CallObserver;
}

const DEFAULT_TIMEOUTS: Timeouts = { createMs: 60_000, readMs: 10_000, uploadMs: 60_000 };

/** Sent often enough to resume a prediction whose answer was lost, and to end the wait for it. */
const WEBHOOK_EVENTS = ['start', 'completed'] as const;

interface HttpRequest {
  readonly method?: 'GET' | 'POST';
  readonly params?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly data?: object;
  readonly signal?: AbortSignal;
}

/** Replicate's HTTP API through the `replicate` package, whose own retries and waiting are not used: see ProviderFetch. */
export class ReplicateProvider implements ImageProvider {
  readonly name = 'replicate';
  readonly #transport: ProviderFetch;
  readonly #client: Replicate;

  constructor(private readonly options: ReplicateOptions) {
    // The package would silently take a token from the environment.
    if (options.token === '') throw new TypeError('A Replicate token is required');
    if (!URL.canParse(options.baseUrl)) throw new TypeError(`Not a URL: ${options.baseUrl}`);
    this.#transport = new ProviderFetch({ ...DEFAULT_TIMEOUTS, ...options.timeouts }, options.onCall, options);
    this.#client = new Replicate({
      auth: options.token,
      baseUrl: options.baseUrl,
      userAgent: options.userAgent ?? 'darkroom',
      fetch: this.#transport.fetch,
    });
  }

  /** The Authorization header for a download of `url`; undefined when its host must not see our token. */
  authorizationFor(url: string): string | undefined {
    return authorizationFor(url, this.options);
  }

  async create(request: PredictionRequest, options: CallOptions = {}): Promise<Prediction> {
    const data = {
      input: request.input,
      ...(request.version === null ? {} : { version: request.version }),
      ...(request.webhook === undefined ? {} : { webhook: request.webhook, webhook_events_filter: WEBHOOK_EVENTS }),
    };
    const validBody = request.version === null ? isModelPredictionRequest : isVersionPredictionRequest;
    for (const [validate, value] of [[isCreateEnvelope, request] as const, [validBody, data] as const]) {
      if (!validate(value)) throw new ProviderError('rejected', `Invalid request: ${violations(validate)}`);
    }
    const route = request.version === null ? `/models/${request.model}/predictions` : '/predictions';
    // No `Prefer: wait`: it holds the connection, and a null output when it runs out looks like a failure.
    const headers = { 'Cancel-After': `${request.cancelAfterSeconds}s` };
    const created = await this.#request<ReplicatePrediction>(route, { method: 'POST', headers, data, ...options });
    return toPrediction(created);
  }

  async get(predictionId: string, options: CallOptions = {}): Promise<Prediction> {
    return toPrediction(await this.#request<ReplicatePrediction>(predictionRoute(predictionId), options));
  }

  async cancel(predictionId: string, options: CallOptions = {}): Promise<Prediction> {
    const route = `${predictionRoute(predictionId)}/cancel`;
    return toPrediction(await this.#request<ReplicatePrediction>(route, { method: 'POST', ...options }));
  }

  async upload({ name, content, contentType }: Upload, options: CallOptions = {}): Promise<UploadedFile> {
    const data = new FormData();
    data.append('content', new Blob([new Uint8Array(content)], { type: contentType }), name);
    const file = await this.#request<ReplicateFile>('/files', { method: 'POST', data, ...options });
    return { url: file.urls.get, expiresAt: new Date(file.expires_at).toISOString() };
  }

  async *list(createdAfter: string, options: CallOptions = {}): AsyncIterable<Prediction> {
    const oldest = Date.parse(createdAfter);
    const cursors = new Set<string>();
    let params: Record<string, string> | undefined = { created_after: createdAfter };
    while (params !== undefined) {
      const page: ReplicatePage = await this.#request<ReplicatePage>('/predictions', { params, ...options });
      for (const prediction of page.results.map(toPrediction)) {
        if (Date.parse(prediction.createdAt) >= oldest) yield prediction;
      }
      params = this.#nextPage(page, createdAfter, cursors);
    }
  }

  /** Only the query of `next` is used: it must not lead us, and our token, to another host. A cursor seen before ends it. */
  #nextPage(page: ReplicatePage, createdAfter: string, seen: Set<string>): Record<string, string> | undefined {
    if (!page.next || !URL.canParse(page.next, this.options.baseUrl)) return undefined;
    const query = new URL(page.next, this.options.baseUrl).searchParams;
    if (seen.has(query.toString())) return undefined;
    seen.add(query.toString());
    return { created_after: createdAfter, ...Object.fromEntries(query) };
  }

  async #request<Body>(route: string, request: HttpRequest): Promise<Body> {
    try {
      return this.#transport.bodyOf(await this.#client.request(route, request)) as Body;
    } catch (error) {
      throw this.#transport.failureOf(error) ?? error;
    }
  }
}

function predictionRoute(predictionId: string): string {
  // `.` and `..` would lead to another endpoint, encoded or not.
  if (!/^[A-Za-z0-9_-]+$/.test(predictionId)) throw new ProviderError('rejected', 'Not the id of a prediction');
  return `/predictions/${predictionId}`;
}
