import type { StoredImage } from '@darkroom/domain';
import type { ImageStorage } from '@darkroom/storage';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { basename } from 'node:path/posix';
import { Readable } from 'node:stream';
import { AppError } from '../errors/app-error.js';
import { requestedRange } from '../rest/byte-range.js';
import { hasVersion } from '../rest/if-none-match.js';

/** A stored file, and how it is shown. It never changes. */
export interface ImageFile {
  readonly key: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly name: string;
  /** Strong: the same tag is the same bytes. */
  readonly etag: string;
}

/** The longest side of the thumbnail that whoever names none is given, where there is one. */
const USUAL_THUMBNAIL = 512;
const SVG = 'image/svg+xml';

/** The image itself. */
export function contentFile({ id, storage_key: key, bytes, content_type, format, sha256 }: StoredImage): ImageFile {
  const name = `${id}.${format.replace(/[^a-z0-9]/g, '')}`;
  return { key, bytes, contentType: content_type, name, etag: `"${sha256}"` };
}

/**
 * The smallest thumbnail whose longest side is at least as long as asked for.
 * @throws AppError `not_found` when there is none: the image itself may be no larger
 */
export function thumbnailFile({ id, thumbnails }: StoredImage, width: number | null): ImageFile {
  const sideOf = (thumbnail: (typeof thumbnails)[number]): number => Math.max(thumbnail.width, thumbnail.height);
  const found =
    width === null
      ? (thumbnails.findLast((thumbnail) => sideOf(thumbnail) <= USUAL_THUMBNAIL) ?? thumbnails[0])
      : thumbnails.find((thumbnail) => sideOf(thumbnail) >= width);
  if (!found) throw new AppError('not_found', 'There is no thumbnail of that size: the image may be no larger itself');
  const { storage_key: key, bytes } = found;
  // The key holds the digest of the bytes.
  const etag = `"${basename(key, '.webp')}"`;
  return { key, bytes, contentType: 'image/webp', name: `${id}-${sideOf(found)}.webp`, etag };
}

/**
 * Answers with a file, a part of it, or a redirect to the storage.
 * @param redirectSeconds for how long such a redirect may be followed
 */
export async function sendImageFile(
  file: ImageFile,
  storage: ImageStorage,
  redirectSeconds: number,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<void> {
  const { key, bytes, contentType, etag } = file;
  const isHead = request.method === 'HEAD';
  reply.headers({ etag, 'cache-control': 'private, max-age=31536000, immutable' });
  if (hasVersion(request.headers['if-none-match'], etag)) return void reply.status(304).send();

  // A drawing is sent by ourselves, since the storage would not send the policy with it.
  const link = isHead || contentType === SVG ? null : await storage.signedUrl(key, redirectSeconds);
  if (link !== null) return void reply.header('cache-control', 'no-store').redirect(link, 302);

  const range = requestedRange(request.headers, bytes, etag);
  if (range === 'unsatisfiable') {
    throw new AppError('range_not_satisfiable', `The image has ${bytes} bytes`, {
      headers: { 'content-range': `bytes */${bytes}` },
    });
  }
  const whole = range === 'whole';
  const { start, end } = whole ? { start: 0, end: bytes - 1 } : range;
  // Opened before anything is said about it, so that a missing file is an error and no empty image. To HEAD an empty
  // stream is sent, since Fastify would count the bytes of anything else.
  const body = isHead ? Readable.from([]) : await storage.read(key, whole ? undefined : range);
  reply.status(whole ? 200 : 206).headers({
    ...headersOf(file),
    'content-length': end - start + 1,
    ...(!whole && { 'content-range': `bytes ${start}-${end}/${bytes}` }),
  });
  void reply.send(body);
}

function headersOf({ contentType, name }: ImageFile): Record<string, string> {
  return {
    'content-type': contentType,
    'content-disposition': `inline; filename="${name}"`,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    // An SVG is a document: opened on its own it must not run anything.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  };
}
