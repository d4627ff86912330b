import type { ModelView } from '@darkroom/domain';
import { Controller, Get, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiParam, ApiResponse, ApiTags } from '@nestjs/swagger';
import { getModel, listModels } from '../application/models.js';
import { model, models } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';

/** The catalogue: what can be asked for, and what it costs. */
@ApiTags('Models')
@ApiBearerAuth()
@ApiErrors('unauthenticated')
@Controller('v1/models')
export class ModelsController {
  @Get()
  @ApiOperation({ operationId: 'listModels', summary: 'The models that can be asked for' })
  @ApiResponse({ status: 200, standardSchema: models, description: 'All of them, in one page.' })
  list(): { data: ModelView[] } {
    return { data: listModels() };
  }

  @Get(':owner/:name')
  @ApiOperation({ operationId: 'getModel', summary: 'One model' })
  @ApiParam({ name: 'owner', schema: { type: 'string', example: 'black-forest-labs' } })
  @ApiParam({ name: 'name', schema: { type: 'string', example: 'flux-schnell' } })
  @ApiResponse({ status: 200, standardSchema: model, description: '`active` is false for one no longer offered.' })
  @ApiErrors('not_found')
  get(@Param('owner') owner: string, @Param('name') name: string): ModelView {
    return getModel(`${owner}/${name}`);
  }
}
