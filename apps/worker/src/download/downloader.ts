import {
  fold,
  giveUpAt,
  imageIdOf,
  isTerminal,
  retryDelayMs,
  type Attempt,
  type FailureCode,
  type Generation,
  type GenerationError,
  type StoredImage,
  type Thumbnail,
} from '@darkroom/domain';
import { CommandRunner, type EventStore, type RecordedEvent, type Signals } from '@darkroom/events';
import { ProviderError } from '@darkroom/provider';
import { imageKey, StorageError, thumbnailKey, type ImageStorage } from '@darkroom/storage';
import { createHash } from 'node:crypto';
import { commandOf } from '../command-of.js';
import type { Connections } from '../connections.js';
import { downloadProgress } from '../progress/percent.js';
import { tellProgress } from '../progress/tell-progress.js';
import { DownloadError } from './download-error.js';
import { fetchImage } from './fetch-image.js';
import { ImageError } from './decode-image.js';
import { processImage } from './process-image.js';
import type { ThumbnailFile } from './thumbnails.js';

export interface DownloaderOptions {
  readonly worker: string;
  readonly retryBaseMs: number;
  /** For all attempts of a generation together. Milliseconds. */
  readonly generationTimeoutMs: number;
  readonly allowPrivateUrls: boolean;
  readonly keepMetadata: boolean;
}

/** A storage that is away is nobody's attempt. Milliseconds. */
const STORAGE_PAUSE_MS = 10_000;

/**
 * The download stage: from the provider's URLs to stored, measured images. Repeating it writes the same content under
 * the same keys. Its failures never buy an image again while the provider still has it.
 */
export class Downloader {
  constructor(
    private readonly store: EventStore,
    private readonly runner: CommandRunner,
    private readonly provider: Connections['provider'],
    private readonly storage: ImageStorage,
    private readonly signals: Pick<Signals, 'progress'>,
    private readonly options: DownloaderOptions,
  ) {}

  /** @throws HandBack when `signal` aborts; any other error: deliver the work again */
  async download(work: RecordedEvent, signal: AbortSignal): Promise<void> {
    const id = work.generationId;
    const state = fold((await this.store.load(id)).events);
    if (!state?.generated || isTerminal(state.status) || state.stage !== 'download') return;
    if (work.version < state.stageSince) return;

    const attempt = state.current ?? (await this.#begin(id, state));
    if (!attempt) return;
    const { outputs } = state.generated;
    const tell = tellProgress({ generationId: id, fence: attempt.fence }, (news) => this.signals.progress(news));
    const shares = outputs.map(() => 0);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const store = (url: string, index: number): Promise<StoredImage> =>
      this.#store(id, url, index, either, (share) => {
        shares[index] = share;
        tell(downloadProgress(shares));
      });
    try {
      const images = await allOrFirstError(outputs.map(store), failed);
      await this.runner.execute(id, commandOf({ type: 'RecordDownloaded', fence: attempt.fence, images }));
    } catch (error) {
      signal.throwIfAborted();
      const failure = await this.#failureOf(error, state);
      if (!failure) throw error;
      await this.#fail(id, state, attempt, failure);
    }
  }

  async #begin(id: string, state: Generation): Promise<Attempt | null> {
    const { worker } = this.options;
    const started = await this.runner.execute(
      id,
      commandOf({ type: 'StartAttempt', stage: 'download', worker, deadline: null, seen: state.version }),
    );
    if (started.kind === 'done') return isTerminal(started.state.status) ? null : started.state.current;
    const { code, message } = started.rejection;
    if (code === 'attempts_exhausted') {
      const error = state.error ?? { code: 'internal' as const, message };
      await this.runner.execute(id, commandOf({ type: 'Fail', error: { ...error, retryable: false } }));
    } else if (code !== 'invalid_state') {
      // Another worker began at the same moment; the repetition goes on with its attempt, or finds it done.
      throw new Error(`Download of ${id} was not begun: ${message}`);
    }
    return null;
  }

  async #store(
    generationId: string,
    url: string,
    index: number,
    signal: AbortSignal,
    onProgress: (share: number) => void,
  ): Promise<StoredImage> {
    const { content } = await fetchImage(url, {
      signal,
      onProgress,
      allowPrivate: () => this.options.allowPrivateUrls,
      authorizationFor: (hop) => this.provider.authorizationFor(hop.href),
    });
    const { keepMetadata } = this.options;
    const processed = await processImage(content, { keepMetadata, signal });
    const { format, contentType, width, height, sha256, blurhash } = processed;
    const storage_key = imageKey({ generationId, index, sha256, format });
    const storeThumbnail = (file: ThumbnailFile) => this.#storeThumbnail({ generationId, index }, file);
    const [thumbnails] = await Promise.all([
      Promise.all(processed.thumbnails.map(storeThumbnail)),
      this.storage.put(storage_key, processed.content, { contentType }),
    ]);
    return {
      id: imageIdOf(generationId, index),
      index,
      storage_key,
      format,
      content_type: contentType,
      width,
      height,
      bytes: processed.content.length,
      sha256,
      blurhash,
      thumbnails,
    };
  }

  async #storeThumbnail(
    of: { readonly generationId: string; readonly index: number },
    { width, height, content }: ThumbnailFile,
  ): Promise<Thumbnail> {
    const sha256 = createHash('sha256').update(content).digest('hex');
    const storage_key = thumbnailKey({ ...of, sha256 }, Math.max(width, height));
    await this.storage.put(storage_key, content, { contentType: 'image/webp' });
    return { width, height, bytes: content.length, storage_key };
  }

  /** Null for what is not the download's failure, but ours. */
  async #failureOf(error: unknown, state: Generation): Promise<GenerationError | null> {
    const failure = (code: FailureCode, cause: Error, retryable: boolean): GenerationError => ({
      code,
      message: cause.message.slice(0, 1_000),
      retryable,
    });
    if (error instanceof ImageError) return failure(codeOf(error), error, error.retryable);
    if (error instanceof StorageError) return failure('storage_unavailable', error, error.retryable);
    if (!(error instanceof DownloadError)) return null;
    if (error.code === 'too_large') return failure('image_too_large', error, false);
    if (error.code === 'not_found') return failure(await this.#whyMissing(state), error, true);
    return failure('download_failed', error, error.retryable);
  }

  /** A file that is not there: only when the provider says that it removed it, the image has to be made again. */
  async #whyMissing({ generated }: Generation): Promise<FailureCode> {
    try {
      const prediction = await this.provider.get(generated!.prediction_id);
      return prediction.dataRemoved || prediction.outputs.length === 0 ? 'output_expired' : 'download_failed';
    } catch (error) {
      if (error instanceof ProviderError && error.kind === 'not_found') return 'output_expired';
      throw error;
    }
  }

  async #fail(id: string, state: Generation, attempt: Attempt, error: GenerationError): Promise<void> {
    const storageAway = error.code === 'storage_unavailable';
    const wait = storageAway
      ? STORAGE_PAUSE_MS
      : retryDelayMs(attempt.attempt, this.options.retryBaseMs, Math.random());
    const now = Date.now();
    const retryAt = new Date(now + wait).toISOString();
    const end = giveUpAt(state, new Date(now).toISOString(), this.options.generationTimeoutMs);
    await this.runner.execute(
      id,
      commandOf({ type: 'FailAttempt', fence: attempt.fence, error, retryAt, giveUpAt: end, counted: !storageAway }),
    );
  }
}

/** Whether an image is no image, or one that is too much for us. */
function codeOf({ code }: ImageError): FailureCode {
  return code === 'too_many_pixels' || code === 'too_complex' ? 'image_too_large' : 'image_invalid';
}

/** When one fails the others are told to stop, and waited for: nothing goes on when the attempt has ended. */
async function allOrFirstError<T>(all: readonly Promise<T>[], failed: AbortController): Promise<T[]> {
  try {
    return await Promise.all(all);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(all);
    throw error;
  }
}
