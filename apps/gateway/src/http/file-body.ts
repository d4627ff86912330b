import multipart from '@fastify/multipart';
import { RASTER_FORMATS, SOURCE_MAX_BYTES } from '@darkroom/images';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { AppError, invalid } from '../errors/app-error.js';

/** A route that takes a file: in a form, or as the whole body under the type of an image. */
export const FileBody = () => RouteConfig({ fileBody: true });

const IMAGE_TYPES = RASTER_FORMATS.map((format) => `image/${format}`);

/** A form's other fields are of no interest. */
const FORM_LIMITS = { files: 1, fileSize: SOURCE_MAX_BYTES, fields: 10, fieldSize: 1_024, parts: 11 };

/** Files are read by the handler, once it is known who sends them: nothing is kept of anybody else's. */
export function acceptFileBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  void fastify.register(multipart, { limits: FORM_LIMITS });
  fastify.addContentTypeParser(IMAGE_TYPES, (_request, _payload, done) => done(null, undefined));
  // To every other route they are what they were: no media type that it reads.
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { fileBody } = (request.routeOptions.config ?? {}) as { fileBody?: boolean };
    const type = mediaTypeOf(request);
    const isFile = type === 'multipart/form-data' || IMAGE_TYPES.includes(type);
    done(isFile && !fileBody ? unsupported() : undefined);
  });
}

/**
 * The bytes of the file that a request brings.
 * @throws AppError `unsupported_media_type`, `payload_too_large`, `validation_failed` for a form without a file,
 * `bad_request` for one that is malformed or cut off
 */
export async function receiveFile(request: FastifyRequest): Promise<Buffer> {
  const type = mediaTypeOf(request);
  if (type === 'multipart/form-data') return receiveForm(request);
  if (!IMAGE_TYPES.includes(type)) throw unsupported();
  if (Number(request.headers['content-length']) > SOURCE_MAX_BYTES) throw tooLarge();
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request.raw as AsyncIterable<Buffer>) {
      bytes += part.length;
      // The loop is left without destroying the request, which still has to be answered.
      if (bytes <= SOURCE_MAX_BYTES) parts.push(part);
    }
  } catch (cause) {
    throw new AppError('bad_request', 'The file was cut off', { cause });
  }
  if (bytes > SOURCE_MAX_BYTES) throw tooLarge();
  return Buffer.concat(parts);
}

async function receiveForm(request: FastifyRequest): Promise<Buffer> {
  try {
    const file = await request.file();
    if (file) return await file.toBuffer();
  } catch (error) {
    const { statusCode, message } = error as { readonly statusCode?: number; readonly message: string };
    if (statusCode === 413) throw tooLarge(error);
    throw new AppError('bad_request', `The form cannot be read: ${message}`, { cause: error });
  }
  throw invalid([{ field: 'file', message: 'file is required' }]);
}

function mediaTypeOf({ headers }: FastifyRequest): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

function unsupported(): AppError {
  return new AppError('unsupported_media_type', 'The media type of the body is not one that is read here');
}

function tooLarge(cause?: unknown): AppError {
  return new AppError('payload_too_large', `A file may have at most ${SOURCE_MAX_BYTES} bytes`, { cause });
}
