import { inspectImage, InvalidImageError, readHeader, type InspectedImage } from '@darkroom/images';
import { uploadKey, type ByteRange, type ImageStorage } from '@darkroom/storage';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { AppError, invalid } from '../errors/app-error.js';
import { uploadAddress } from './own-images.js';
import type { Principal } from './principal.js';
import { parseUploadId, uploadIdOf } from './upload-id.js';

export interface UploadView {
  readonly id: string;
  /** To be given as a source or a reference image. */
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly bytes: number;
  /** Null: it is kept. */
  readonly expires_at: string | null;
}

/** An upload whose content is there to be read. */
export interface StoredUpload {
  readonly id: string;
  readonly sha256: string;
  readonly format: string;
  readonly bytes: number;
  read(range?: ByteRange): Promise<Readable>;
}

/** Images that users bring, as sources of generations. They are found through their owner and their content alone. */
export class UploadsService {
  constructor(
    private readonly storage: ImageStorage,
    private readonly publicUrl: string,
  ) {}

  /**
   * Keeps an image, if it is one. The same bytes of the same user are the same upload.
   * @throws AppError `unsupported_media_type`: no image that is taken; `validation_failed`: damaged, or too many pixels;
   * StorageError
   */
  async keep({ userId }: Principal, content: Buffer): Promise<UploadView> {
    const image = await believe(content);
    const key = uploadKey({ userId, ...image });
    if (!(await this.storage.head(key))) await this.storage.put(key, content, { contentType: image.contentType });
    return this.#view(image);
  }

  async get(principal: Principal, id: string): Promise<UploadView> {
    const upload = await this.open(principal, id);
    return this.#view(await readHeader(await buffer(await upload.read())));
  }

  /** @throws AppError `not_found`, for another user's too; StorageError */
  async open({ userId }: Principal, id: string): Promise<StoredUpload> {
    const content = parseUploadId(id);
    const key = content && uploadKey({ userId, ...content });
    const stored = key && (await this.storage.head(key));
    if (!stored) throw new AppError('not_found', 'There is nothing here that you can see');
    return { id, ...content, bytes: stored.bytes, read: (range) => this.storage.read(key, range) };
  }

  #view({ sha256, format, width, height, bytes }: InspectedImage): UploadView {
    const id = uploadIdOf({ sha256, format });
    return { id, url: uploadAddress(this.publicUrl, id), width, height, format, bytes, expires_at: null };
  }
}

async function believe(content: Buffer): Promise<InspectedImage> {
  try {
    return await inspectImage(content);
  } catch (error) {
    if (!(error instanceof InvalidImageError)) throw error;
    const message = `file ${error.message}`;
    if (error.code === 'not_an_image') throw new AppError('unsupported_media_type', message, { cause: error });
    throw invalid([{ field: 'file', message }]);
  }
}
