import { fold, generationIdOfImage, STORAGE_ADDRESS, type FieldError } from '@darkroom/domain';
import type { EventStore } from '@darkroom/events';
import { RASTER_FORMATS } from '@darkroom/images';
import { uploadKey, type ImageStorage } from '@darkroom/storage';
import { invalid } from '../errors/app-error.js';
import { parseUploadId } from './upload-id.js';

/** An address that a field of a request gives. */
export interface GivenAddress {
  readonly field: string;
  readonly address: string;
}

type OwnAddress = { readonly kind: 'image' | 'upload'; readonly id: string };

/** Where the content of a finished image is read. */
export function imageAddress(publicUrl: string, imageId: string): string {
  return `${publicUrl}/v1/images/${imageId}/content`;
}

/** Where the content of an upload is read. */
export function uploadAddress(publicUrl: string, uploadId: string): string {
  return `${publicUrl}/v1/uploads/${uploadId}/content`;
}

/** What an address names that leads to this API; null for any other. Its query is of no interest: the caller is known. */
export function ownAddressOf(publicUrl: string, address: string): OwnAddress | null {
  const own = URL.parse(publicUrl);
  const url = URL.parse(address);
  if (!own || url?.origin !== own.origin) return null;
  const root = own.pathname.replace(/\/$/, '');
  if (!url.pathname.startsWith(`${root}/`)) return null;
  const [, kind, id] = /^\/v1\/(images|uploads)\/([^/]+)\/content$/.exec(url.pathname.slice(root.length)) ?? [];
  return kind === undefined || id === undefined ? null : { kind: kind === 'images' ? 'image' : 'upload', id };
}

/** Uploads and images of earlier generations, as sources of a new one. */
export class OwnImages {
  constructor(
    private readonly store: Pick<EventStore, 'load'>,
    private readonly storage: Pick<ImageStorage, 'head'>,
    private readonly publicUrl: string,
  ) {}

  /**
   * What stands in a provider's input for those addresses that lead to this API. All must be the user's own, operators'
   * too; what is not there and what is somebody else's are told by the same words.
   * @throws AppError `validation_failed`; EventStoreError, StorageError
   */
  async resolve(userId: string, given: readonly GivenAddress[]): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const faults: FieldError[] = [];
    for (const { field, address } of given) {
      const own = ownAddressOf(this.publicUrl, address);
      if (!own || found.has(address)) continue;
      const stored = await (own.kind === 'image' ? this.#image(userId, own.id) : this.#upload(userId, own.id));
      if ('key' in stored) found.set(address, `${STORAGE_ADDRESS}${stored.key}`);
      else faults.push({ field, message: `${field} ${stored.fault}` });
    }
    if (faults.length > 0) throw invalid(faults);
    return found;
  }

  async #image(userId: string, imageId: string): Promise<{ key: string } | { fault: string }> {
    const generationId = generationIdOfImage(imageId);
    const state = generationId === null ? null : fold((await this.store.load(generationId)).events);
    const image = state?.images.find(({ id }) => id === imageId);
    if (!image || state?.request.user_id !== userId) return { fault: 'must be an image of yours' };
    if (!RASTER_FORMATS.some((format) => format === image.format)) {
      return { fault: `must be a PNG, JPEG or WebP image: this one is ${image.format}` };
    }
    return { key: image.storage_key };
  }

  async #upload(userId: string, uploadId: string): Promise<{ key: string } | { fault: string }> {
    const identity = parseUploadId(uploadId);
    const key = identity && uploadKey({ userId, ...identity });
    return key && (await this.storage.head(key)) ? { key } : { fault: 'must be an upload of yours' };
  }
}
