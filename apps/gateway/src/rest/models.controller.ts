import { MODEL_KINDS, type ModelView } from '@darkroom/domain';
import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ModelCatalogue } from '../application/models.js';
import { model, models } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';
import { hasVersion } from './if-none-match.js';

const listQuery = z.strictObject({
  kind: z.enum(MODEL_KINDS).optional(),
  active: z.enum(['true', 'false']).optional(),
});

const UNCHANGED = { status: 304, description: 'The client has it already, as it still is.' };

/** The catalogue: what can be asked for, and what it costs. */
@ApiTags('Models')
@ApiBearerAuth()
@ApiErrors('unauthenticated')
@Controller('v1/models')
export class ModelsController {
  constructor(private readonly catalogue: ModelCatalogue) {}

  @Get()
  @ApiOperation({
    operationId: 'listModels',
    summary: 'The models, and all that a form for them needs',
    description:
      'It changes when an operator switches a model. Ask again with `If-None-Match`: unchanged, it is no body.',
  })
  @ApiQuery({ name: 'kind', required: false, schema: { type: 'string', enum: [...MODEL_KINDS] } })
  @ApiQuery({
    name: 'active',
    required: false,
    schema: { type: 'string', enum: ['true', 'false'] },
    description: '`true`: only those that can be asked for; `false`: only the others.',
  })
  @ApiHeader({ name: 'If-None-Match', required: false, schema: { type: 'string' } })
  @ApiResponse({ status: 200, standardSchema: models, description: 'All of them, in one page.' })
  @ApiResponse(UNCHANGED)
  @ApiErrors('validation_failed')
  list(
    @Query({ schema: listQuery }) { kind, active }: z.output<typeof listQuery>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): { data: readonly ModelView[] } | undefined {
    if (this.#isKnown(request, reply)) return undefined;
    return { data: this.catalogue.list({ kind, active: active === undefined ? undefined : active === 'true' }) };
  }

  @Get(':owner/:name')
  @ApiOperation({ operationId: 'getModel', summary: 'One model' })
  @ApiParam({ name: 'owner', schema: { type: 'string', example: 'black-forest-labs' } })
  @ApiParam({ name: 'name', schema: { type: 'string', example: 'flux-schnell' } })
  @ApiHeader({ name: 'If-None-Match', required: false, schema: { type: 'string' } })
  @ApiResponse({ status: 200, standardSchema: model, description: '`active` is false for one that is not offered.' })
  @ApiResponse(UNCHANGED)
  @ApiErrors('not_found')
  get(
    @Param('owner') owner: string,
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): ModelView | undefined {
    const found = this.catalogue.get(`${owner}/${name}`);
    return this.#isKnown(request, reply) ? undefined : found;
  }

  /** Whether the client has it as it is. To be asked for each time: the next answer may be another. */
  #isKnown({ headers }: FastifyRequest, reply: FastifyReply): boolean {
    const etag = `"${this.catalogue.version}"`;
    reply.headers({ etag, 'cache-control': 'private, no-cache' });
    if (!hasVersion(headers['if-none-match'], etag)) return false;
    reply.status(304);
    return true;
  }
}
