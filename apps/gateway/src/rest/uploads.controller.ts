import { RASTER_FORMATS } from '@darkroom/images';
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { Principal } from '../application/principal.js';
import { UploadTurns } from '../application/upload-turns.js';
import { UploadsService, type UploadView } from '../application/uploads.service.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { FileBody, receiveFile } from '../http/file-body.js';
import { upload } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';
import { hasVersion } from './if-none-match.js';

const FILE = { type: 'string', format: 'binary' } as const;
const FORM = { type: 'object' as const, properties: { file: FILE }, required: ['file'] };
const IMAGE_CONTENT = Object.fromEntries(RASTER_FORMATS.map((format) => [`image/${format}`, { schema: FILE }]));

/** Images that users bring. Nobody but their owner sees them, operators neither. */
@ApiTags('Uploads')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'unavailable')
@Controller('v1/uploads')
export class UploadsController {
  readonly #turns = new UploadTurns();

  constructor(private readonly uploads: UploadsService) {}

  @Post()
  @FileBody()
  @ApiOperation({
    operationId: 'upload',
    summary: 'Upload an image to start from',
    description:
      'A PNG, JPEG or WebP of at most 10 MB and 40 megapixels (16 of a WebP, a progressive JPEG or an interlaced PNG): as the first file of a form, or as the body under its ' +
      'media type. What it is, its bytes tell. The same image again is the same upload.',
    requestBody: { required: true, content: { 'multipart/form-data': { schema: FORM }, ...IMAGE_CONTENT } },
  })
  @ApiResponse({ status: 201, standardSchema: upload, description: 'Kept, now or before.' })
  @ApiErrors('bad_request', 'payload_too_large', 'unsupported_media_type', 'validation_failed', 'rate_limited')
  upload(@CurrentPrincipal() principal: Principal, @Req() request: FastifyRequest): Promise<UploadView> {
    return this.#turns.take(principal.userId, async () => this.uploads.keep(principal, await receiveFile(request)));
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getUpload', summary: 'What is known of an upload' })
  @ApiParam({ name: 'id', schema: { type: 'string' } })
  @ApiResponse({ status: 200, standardSchema: upload, description: 'Measured from its bytes.' })
  @ApiErrors('not_found')
  get(@CurrentPrincipal() principal: Principal, @Param('id') id: string): Promise<UploadView> {
    return this.uploads.get(principal, id);
  }

  @Get(':id/content')
  @ApiOperation({ operationId: 'getUploadContent', summary: 'The bytes of an upload' })
  @ApiParam({ name: 'id', schema: { type: 'string' } })
  @ApiResponse({ status: 200, description: 'The image.', content: { 'image/*': { schema: FILE } } })
  @ApiResponse({ status: 304, description: 'The client has it already.' })
  @ApiErrors('not_found')
  async content(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.uploads.open(principal, id);
    const etag = `"${found.sha256}"`;
    reply.headers({ etag, 'cache-control': 'private, max-age=31536000, immutable' });
    if (hasVersion(request.headers['if-none-match'], etag)) return void reply.status(304).send();
    // Opened before anything is said about it. To HEAD an empty stream is sent, as by images.controller.ts.
    const body = request.method === 'HEAD' ? Readable.from([]) : await found.read();
    reply.headers({
      'content-type': `image/${found.format}`,
      'content-length': found.bytes,
      'content-disposition': `inline; filename="${found.id}"`,
      'content-security-policy': "default-src 'none'; sandbox",
    });
    void reply.send(body);
  }
}
