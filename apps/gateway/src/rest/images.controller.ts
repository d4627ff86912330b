import type { StoredImage } from '@darkroom/domain';
import type { ImageStorage } from '@darkroom/storage';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { GenerationsService } from '../application/generations.service.js';
import type { Principal } from '../application/principal.js';
import { Public } from '../auth/auth.guard.js';
import { Authenticator } from '../auth/authenticator.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { STORAGE } from '../connections/tokens.js';
import { contentFile, sendImageFile, thumbnailFile } from '../images/image-file.js';
import { ImageLinks, type LinkTarget } from '../images/image-links.js';
import {
  contentQuery,
  linkAnswer,
  linkRequest,
  thumbnailQuery,
  type ImageQuery,
  type LinkRequest,
} from '../images/image-queries.js';
import { imageAnswer } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';

/** Seconds for which a link to the storage itself works. */
const REDIRECT_SECONDS = 300;

const ImageId = () => ApiParam({ name: 'id', schema: { type: 'string', format: 'uuid' } });
const IfNoneMatch = () => ApiHeader({ name: 'If-None-Match', required: false, schema: { type: 'string' } });
const image = (type: string) => ({ [type]: { schema: { type: 'string' as const, format: 'binary' } } });

const REDIRECTED =
  'A storage that can sign links is answered by a redirect to one, which works for five minutes; clients must not ' +
  'send their credentials on to it (browsers, fetch and curl do not).';
const WITH_LINK = 'Needs no credentials with the `expires` and `signature` of a link (`POST /v1/images/{id}/links`).';

/** Finished images. They are found through the log, and never change. */
@ApiTags('Images')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'not_found', 'unavailable')
@Controller('v1/images')
export class ImagesController {
  constructor(
    private readonly generations: GenerationsService,
    private readonly links: ImageLinks,
    private readonly authenticator: Authenticator,
    @Inject(STORAGE) private readonly storage: ImageStorage,
  ) {}

  @Get(':id')
  @ApiOperation({ operationId: 'getImage', summary: 'What is known of an image' })
  @ImageId()
  @ApiResponse({ status: 200, standardSchema: imageAnswer, description: 'Measured from its bytes.' })
  async get(@CurrentPrincipal() principal: Principal, @Param('id') id: string) {
    const { generation } = await this.generations.image(principal, id);
    const found = generation.images.find((candidate) => candidate.id === id);
    return { ...found, generation_id: generation.id };
  }

  @Get(':id/content')
  @Public()
  @ApiOperation({
    operationId: 'getImageContent',
    summary: 'The bytes of an image',
    description: `${REDIRECTED} ${WITH_LINK}`,
  })
  @ImageId()
  @ApiHeader({ name: 'Range', required: false, schema: { type: 'string', example: 'bytes=0-1023' } })
  @ApiHeader({ name: 'If-Range', required: false, schema: { type: 'string' } })
  @IfNoneMatch()
  @ApiResponse({ status: 200, description: 'The whole image.', content: image('image/*') })
  @ApiResponse({ status: 206, description: 'The range that was asked for.', content: image('image/*') })
  @ApiResponse({ status: 302, description: 'A link to the storage.' })
  @ApiResponse({ status: 304, description: 'The client has it already.' })
  @ApiErrors('forbidden', 'range_not_satisfiable', 'validation_failed')
  async content(
    @Param('id') id: string,
    @Query({ schema: contentQuery }) query: z.output<typeof contentQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.#find({ imageId: id, variant: 'content', width: null }, query, { request, reply });
    await sendImageFile(contentFile(found.image), this.storage, found.seconds, { request, reply });
  }

  @Get(':id/thumbnail')
  @Public()
  @ApiOperation({
    operationId: 'getImageThumbnail',
    summary: 'A smaller WebP of an image; of an SVG, what it looks like',
    description: `There are those of 256, 512 and 1,024 pixels that are smaller than the image. ${REDIRECTED} ${WITH_LINK}`,
  })
  @ImageId()
  @ApiQuery({
    name: 'width',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 1_024 },
    description: 'The smallest whose longest side is at least as long. Without it: 512 pixels, or what there is.',
  })
  @IfNoneMatch()
  @ApiResponse({ status: 200, description: 'The thumbnail.', content: image('image/webp') })
  @ApiResponse({ status: 302, description: 'A link to the storage.' })
  @ApiResponse({ status: 304, description: 'The client has it already.' })
  @ApiErrors('forbidden', 'validation_failed')
  async thumbnail(
    @Param('id') id: string,
    @Query({ schema: thumbnailQuery }) query: ImageQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const target = { imageId: id, variant: 'thumbnail', width: query.width ?? null } as const;
    const found = await this.#find(target, query, { request, reply });
    await sendImageFile(thumbnailFile(found.image, target.width), this.storage, found.seconds, { request, reply });
  }

  @Post(':id/links')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'linkImage',
    summary: 'A link to an image, or to its thumbnail, that needs no credentials',
    description:
      'For pages, whose `<img>` cannot send any. Whoever has the link has the image until it expires. ' +
      'It cannot be taken back; an operator who changes LINK_SECRET takes back all of them.',
  })
  @ImageId()
  @ApiResponse({ status: 200, standardSchema: linkAnswer, description: 'The link.' })
  @ApiErrors('validation_failed')
  async link(
    @CurrentPrincipal() principal: Principal,
    @Param('id') id: string,
    @Body({ schema: linkRequest }) { variant, width, expires_in }: LinkRequest,
  ): Promise<z.output<typeof linkAnswer>> {
    const { image: found, generation } = await this.generations.image(principal, id);
    if (variant === 'thumbnail') thumbnailFile(found, width);
    const { expires, signature } = this.links.sign({ imageId: id, variant, width }, expires_in);
    const content = generation.images.find((candidate) => candidate.id === id)!.url;
    const url = new URL(variant, content);
    if (width !== null) url.searchParams.set('width', String(width));
    url.searchParams.set('expires', String(expires));
    url.searchParams.set('signature', signature);
    return { url: url.href, expires_at: new Date(expires * 1_000).toISOString() };
  }

  /** By a link that is signed, or else by who asks. And for how long whoever it is may be let in at the storage. */
  async #find(
    target: LinkTarget,
    { expires, signature }: z.output<typeof contentQuery>,
    { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  ): Promise<{ image: StoredImage; seconds: number }> {
    if (signature === undefined) {
      const principal = await this.authenticator.authenticate(request.headers.authorization);
      const { image: found } = await this.generations.image(principal, target.imageId);
      return { image: found, seconds: REDIRECT_SECONDS };
    }
    const left = this.links.verify(target, { expires: expires ?? 0, signature });
    const found = await this.generations.linkedImage(target.imageId);
    // A link is for pages of other origins, which could not show it otherwise.
    reply.header('cross-origin-resource-policy', 'cross-origin');
    return { image: found, seconds: Math.min(left, REDIRECT_SECONDS) };
  }
}
