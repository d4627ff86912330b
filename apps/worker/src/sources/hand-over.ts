import { findModel, imagesIn, withImages, type EventData, type SentImage } from '@darkroom/domain';
import { HandBack } from '@darkroom/events';
import type { ImageProvider } from '@darkroom/provider';
import type { ImageStorage } from '@darkroom/storage';
import pLimit from 'p-limit';
import type { CreatePermit } from '../generate/create-guards.js';
import type { CreateFailure } from '../generate/prediction-outcome.js';
import { fetchSource, type SourceImage, type SourceOptions } from './fetch-source.js';
import type { SentFiles } from './sent-files.js';
import { sourceFailure } from './source-failure.js';

/**
 * Bytes of images within one input, together. Replicate recommends data URIs up to 256 KB and files for more
 * (https://replicate.com/docs/topics/predictions/input-files); what is in an input comes back with every list of it.
 */
const INLINE_MAX_BYTES = 256 * 1_024;

/** Generations whose images are fetched at once, each one by one: the bound of the memory that they take. */
const MOST_AT_ONCE = 16;

export interface HandOverOptions extends SourceOptions {
  /** How long work waits that met an account without credit. Milliseconds. */
  readonly outOfCreditPauseMs: number;
}

/** An input as the provider is to be sent it. */
export interface HandedOver {
  readonly input: Readonly<Record<string, unknown>>;
  /** To be kept in the log before it is sent: what its prediction is known by. */
  readonly sent: readonly SentImage[];
}

/**
 * Puts into an input what the provider can read in place of addresses that it may not be able to, or that are not to be
 * read by it: its own file, or a data URI. All of it is done before anything is asked of the model, costs nothing, and
 * may be done again: the same bytes are handed over as the same text (docs/adr/0021).
 */
export class SourceImages {
  readonly #atOnce = pLimit(MOST_AT_ONCE);

  constructor(
    private readonly provider: Pick<ImageProvider, 'upload'>,
    private readonly storage: Pick<ImageStorage, 'read'>,
    private readonly files: SentFiles,
    private readonly options: HandOverOptions,
  ) {}

  /**
   * @param permit given back while images are fetched: others may use it meanwhile
   * @throws HandBack when `signal` aborts; EventStoreError when what was sent cannot be looked up
   */
  async handOver(
    { model_id, provider_input: input }: EventData['GenerationRequested'],
    permit: CreatePermit,
    signal: AbortSignal,
  ): Promise<HandedOver | CreateFailure> {
    const model = findModel(model_id);
    const addresses = imagesIn(model, input);
    if (addresses.length === 0) return { input, sent: [] };
    permit.returnPermit();
    return this.#atOnce(async () => {
      const texts = new Map<string, string>();
      const sent: SentImage[] = [];
      let inline = 0;
      for (const address of addresses) {
        if (signal.aborted) throw new HandBack();
        try {
          const image = await fetchSource(address, this.storage, this.options, signal);
          const isInline = inline + image.bytes <= INLINE_MAX_BYTES;
          if (isInline) inline += image.bytes;
          const file_url = isInline ? null : await this.#fileOf(image, signal);
          texts.set(address, file_url ?? dataUriOf(image));
          sent.push({ address, sha256: image.sha256, file_url });
        } catch (error) {
          if (signal.aborted) throw new HandBack();
          const failure = sourceFailure(error, address, this.options.outOfCreditPauseMs);
          if (failure) return failure;
          throw error;
        }
      }
      return { input: withImages(model, input, (address) => texts.get(address) ?? address), sent };
    });
  }

  #fileOf({ sha256, format, contentType, content }: SourceImage, signal: AbortSignal): Promise<string> {
    const file = { name: `${sha256}.${format}`, contentType, content };
    return this.files.urlOf(sha256, () => this.provider.upload(file, { signal }));
  }
}

function dataUriOf({ contentType, content }: SourceImage): string {
  return `data:${contentType};base64,${Buffer.from(content).toString('base64')}`;
}
