import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import { STATUSES, type GenerationView } from '@darkroom/domain';
import { GenerationsService } from '../application/generations.service.js';
import type { Principal } from '../application/principal.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { generationPage } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';
import { listOptionsOf, listQuery, type ListQuery } from './list.query.js';

const text = { type: 'string' } as const;
const time = { type: 'string', format: 'date-time' } as const;

/** Lists come from Postgres, a moment behind the log; each says up to where it reflects it. */
@ApiTags('Generations')
@ApiBearerAuth()
@Controller('v1/generations')
export class ListsController {
  constructor(private readonly generations: GenerationsService) {}

  @Get()
  @ApiOperation({ operationId: 'listGenerations', summary: 'Your generations, newest first' })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } })
  @ApiQuery({ name: 'cursor', required: false, schema: text, description: '`next_cursor` of the page before.' })
  @ApiQuery({ name: 'status', required: false, schema: { type: 'string', enum: [...STATUSES] } })
  @ApiQuery({ name: 'model_id', required: false, schema: text })
  @ApiQuery({ name: 'created_after', required: false, schema: time, description: 'Exclusive.' })
  @ApiQuery({ name: 'created_before', required: false, schema: time, description: 'Exclusive.' })
  @ApiQuery({ name: 'batch_id', required: false, schema: text })
  @ApiQuery({
    name: 'metadata',
    required: false,
    style: 'form',
    explode: true,
    schema: { type: 'object', additionalProperties: text, example: { 'metadata.project': 'spring-campaign' } },
    description: 'Any number of `metadata.<key>=<value>`; all of them must hold.',
  })
  @ApiQuery({
    name: 'min_position',
    required: false,
    schema: { type: 'integer', minimum: 0 },
    description: 'Waits until the list reflects the log up to here: the `position` of an earlier answer.',
  })
  @ApiResponse({ status: 200, standardSchema: generationPage, description: 'A page.' })
  @ApiErrors('unauthenticated', 'validation_failed', 'unavailable')
  async list(
    @CurrentPrincipal() principal: Principal,
    @Query({ schema: listQuery }) query: ListQuery,
  ): Promise<{ data: readonly GenerationView[]; next_cursor: string | null; position: number }> {
    const page = await this.generations.list(principal, listOptionsOf(query));
    return { data: page.generations, next_cursor: page.nextCursor, position: page.position };
  }
}
