import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Readable } from 'node:stream';
import {
  assertKey,
  assertRange,
  type ByteRange,
  type ImageContent,
  type ImageStorage,
  StorageError,
  type StoredImageInfo,
  watchContent,
} from './image-storage.js';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface S3Options {
  readonly bucket: string;
  /** Of an S3-compatible service; AWS itself when absent. */
  readonly endpoint?: string;
  /** Default: the AWS configuration's; with an endpoint `us-east-1`, which such services take for any. */
  readonly region?: string;
  /** Default: the AWS SDK's standard chain. */
  readonly credentials?: S3Credentials;
  /** How long one HTTP request may take to be answered, and a body may stand still. Default 30 s; tried 3 times. */
  readonly timeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** Images as objects of an S3 bucket. An upload becomes visible when it is complete, as S3 promises. */
export class S3Storage implements ImageStorage {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor({ bucket, endpoint, region, credentials, timeoutMs = 30_000 }: S3Options) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      region: region ?? (endpoint === undefined ? undefined : 'us-east-1'),
      credentials,
      requestHandler: {
        connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
        requestTimeout: timeoutMs,
        throwOnRequestTimeout: true,
        socketTimeout: timeoutMs,
      },
      // Compatible services want the bucket in the path, and many refuse the checksums that AWS has added since 2025.
      ...(endpoint !== undefined && {
        endpoint,
        forcePathStyle: true,
        requestChecksumCalculation: 'WHEN_REQUIRED' as const,
        responseChecksumValidation: 'WHEN_REQUIRED' as const,
      }),
    });
  }

  async put(key: string, content: ImageContent, { contentType }: { readonly contentType: string }): Promise<void> {
    assertKey(key);
    const watched = content instanceof Uint8Array ? undefined : watchContent(content);
    try {
      const Body = watched ? Readable.from(watched.stream, { objectMode: false }) : (content as Uint8Array);
      // One PUT up to 5 MiB, a multipart upload above, which is aborted when it fails.
      const params = { Bucket: this.#bucket, Key: key, Body, ContentType: contentType };
      await new Upload({ client: this.#client, params }).done();
    } catch (error) {
      const ofContent = watched?.failure();
      throw ofContent ? ofContent.error : this.#asStorageError(error, key);
    }
  }

  async head(key: string): Promise<StoredImageInfo | null> {
    assertKey(key);
    try {
      const found = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
      return { bytes: found.ContentLength ?? 0, lastModified: found.LastModified ?? new Date(0) };
    } catch (error) {
      const failure = this.#asStorageError(error, key);
      if (failure.code === 'not_found') return null;
      throw failure;
    }
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    assertKey(key);
    if (range) assertRange(range);
    const Range = range && `bytes=${range.start}-${range.end}`;
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range }));
      // On Node the SDK's body is always a Readable; its type also covers browsers.
      return Body as Readable;
    } catch (error) {
      throw this.#asStorageError(error, key);
    }
  }

  async delete(key: string): Promise<void> {
    assertKey(key);
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
    } catch (error) {
      const failure = this.#asStorageError(error, key);
      if (failure.code !== 'not_found') throw failure;
    }
  }

  async signedUrl(key: string, expiresInSeconds: number): Promise<string> {
    assertKey(key);
    try {
      const command = new GetObjectCommand({ Bucket: this.#bucket, Key: key });
      return await getSignedUrl(this.#client, command, { expiresIn: expiresInSeconds });
    } catch (error) {
      throw this.#asStorageError(error, key);
    }
  }

  /** Asks for the bucket: endpoint, credentials and name must be right. Does not prove the right to write. */
  async check(signal?: AbortSignal): Promise<void> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }), { abortSignal: signal });
    } catch (error) {
      const { code, message } = this.#asStorageError(error, '');
      if (code === 'not_found') throw this.#noBucket(error);
      throw new StorageError(code, `S3 bucket ${this.#bucket} cannot be used: ${message}`, { cause: error });
    }
  }

  #noBucket(cause: unknown): StorageError {
    return new StorageError('unavailable', `S3 bucket ${this.#bucket} does not exist`, { cause });
  }

  #asStorageError(error: unknown, key: string): StorageError {
    const { name, message } = error as Error;
    const text = message && message !== 'UnknownError' ? `${name}: ${message}` : name;
    if (name === 'NoSuchBucket') return this.#noBucket(error);
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
    switch (status) {
      case 404:
        return new StorageError('not_found', `No object ${key}`, { cause: error });
      case 416:
        return new StorageError('invalid_range', `Range outside of ${key}`, { cause: error });
      case 401:
      case 403:
        return new StorageError('denied', `S3 refuses our credentials (${text})`, { cause: error });
      case 507:
        return new StorageError('full', `No space left to store ${key} (${text})`, { cause: error });
      default:
        return new StorageError('unavailable', `S3 does not answer as it should (${text})`, { cause: error });
    }
  }
}
