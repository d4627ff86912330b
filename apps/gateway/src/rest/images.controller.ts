import type { StoredImage } from '@darkroom/domain';
import type { ImageStorage } from '@darkroom/storage';
import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import { GenerationsService } from '../application/generations.service.js';
import type { Principal } from '../application/principal.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { STORAGE } from '../connections/tokens.js';
import { AppError } from '../errors/app-error.js';
import { imageAnswer } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';
import { hasVersion } from './if-none-match.js';
import { requestedRange } from './byte-range.js';

/** Seconds for which a link to the storage itself works. */
const LINK_SECONDS = 300;

/** Finished images. They are found through the log, and never change. */
@ApiTags('Images')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'not_found', 'unavailable')
@Controller('v1/images')
export class ImagesController {
  constructor(
    private readonly generations: GenerationsService,
    @Inject(STORAGE) private readonly storage: ImageStorage,
  ) {}

  @Get(':id')
  @ApiOperation({ operationId: 'getImage', summary: 'What is known of an image' })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiResponse({ status: 200, standardSchema: imageAnswer, description: 'Measured from its bytes.' })
  async get(@CurrentPrincipal() principal: Principal, @Param('id') id: string) {
    const { generation } = await this.generations.image(principal, id);
    const image = generation.images.find((candidate) => candidate.id === id);
    return { ...image, generation_id: generation.id };
  }

  @Get(':id/content')
  @ApiOperation({
    operationId: 'getImageContent',
    summary: 'The bytes of an image',
    description:
      'A storage that can sign links is answered by a redirect to one, which works for five minutes; clients must not ' +
      'send their credentials on to it (browsers, fetch and curl do not).',
  })
  @ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } })
  @ApiHeader({ name: 'Range', required: false, schema: { type: 'string', example: 'bytes=0-1023' } })
  @ApiHeader({ name: 'If-Range', required: false, schema: { type: 'string' } })
  @ApiHeader({ name: 'If-None-Match', required: false, schema: { type: 'string' } })
  @ApiResponse({
    status: 200,
    description: 'The whole image.',
    content: { 'image/*': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({
    status: 206,
    description: 'The range that was asked for.',
    content: { 'image/*': { schema: { type: 'string', format: 'binary' } } },
  })
  @ApiResponse({ status: 302, description: 'A link to the storage.' })
  @ApiResponse({ status: 304, description: 'The client has it already.' })
  @ApiErrors('range_not_satisfiable')
  async content(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { image } = await this.generations.image(principal, id);
    // A strong validator: the same digest is the same bytes.
    const etag = `"${image.sha256}"`;
    reply.headers({ etag, 'cache-control': 'private, max-age=31536000, immutable' });
    if (hasVersion(request.headers['if-none-match'], etag)) return void reply.status(304).send();

    const link = request.method === 'HEAD' ? null : await this.storage.signedUrl(image.storage_key, LINK_SECONDS);
    if (link !== null) return void reply.header('cache-control', 'no-store').redirect(link, 302);

    const range = requestedRange(request.headers, image.bytes, etag);
    if (range === 'unsatisfiable') {
      throw new AppError('range_not_satisfiable', `The image has ${image.bytes} bytes`, {
        headers: { 'content-range': `bytes */${image.bytes}` },
      });
    }
    const whole = range === 'whole';
    const { start, end } = whole ? { start: 0, end: image.bytes - 1 } : range;
    // Opened before anything is said about it, so that a missing file is an error and no empty image. To HEAD an empty
    // stream is sent, since Fastify would count the bytes of anything else.
    const isHead = request.method === 'HEAD';
    const body = isHead ? Readable.from([]) : await this.storage.read(image.storage_key, whole ? undefined : range);
    reply.status(whole ? 200 : 206).headers({
      ...contentHeaders(image),
      'content-length': end - start + 1,
      ...(!whole && { 'content-range': `bytes ${start}-${end}/${image.bytes}` }),
    });
    void reply.send(body);
  }
}

function contentHeaders({ id, format, content_type }: StoredImage): Record<string, string> {
  return {
    'content-type': content_type,
    'content-disposition': `inline; filename="${id}.${format.replace(/[^a-z0-9]/g, '')}"`,
    'accept-ranges': 'bytes',
    // An SVG is a document: opened on its own it must not run anything.
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  };
}
