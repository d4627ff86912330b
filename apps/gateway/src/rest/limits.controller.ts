import { Controller, Get } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../application/principal.js';
import { CurrentPrincipal } from '../auth/principal.decorator.js';
import { UserLimitsQuery, type LimitsView } from '../limits/user-limits.query.js';
import { limits } from './answers.schema.js';
import { ApiErrors } from './api-errors.js';

/** What the caller may still ask for. */
@ApiTags('Limits')
@ApiBearerAuth()
@ApiErrors('unauthenticated', 'unavailable')
@Controller('v1/limits')
export class LimitsController {
  constructor(private readonly limits: UserLimitsQuery) {}

  @Get()
  @ApiOperation({ operationId: 'getLimits', summary: 'What you have used of your limits' })
  @ApiResponse({ status: 200, standardSchema: limits, description: 'As it is now. Operators have no limits.' })
  async get(@CurrentPrincipal() principal: Principal): Promise<LimitsView> {
    return this.limits.of(principal);
  }
}
