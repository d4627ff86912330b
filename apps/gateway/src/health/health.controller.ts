import { HealthChecks } from '@darkroom/observability';
import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/auth.guard.js';

@Public()
@ApiTags('Health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly service: HealthIndicatorService,
    private readonly checks: HealthChecks,
  ) {}

  @Get('live')
  @ApiOperation({ operationId: 'live', summary: 'The process runs' })
  @ApiResponse({ status: 200, description: 'It answers.' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * Ready means: requests can be accepted, for which JetStream alone is needed. Without Postgres lists are missing, and
   * without storage the images; both are told as `degraded`, and the gateway stays in the load balancer.
   */
  @Get('ready')
  @ApiOperation({ operationId: 'ready', summary: 'Requests can be accepted; the state of every dependency' })
  @ApiResponse({ status: 200, description: '`ok`, or `degraded`: accepting, without lists or images.' })
  @ApiResponse({ status: 503, description: '`error`: the event log cannot be reached.' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    reply.header('cache-control', 'no-store');
    try {
      return await this.health.check(this.checks.indicators(this.service));
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      reply.status(503);
      return error.getResponse() as HealthCheckResult;
    }
  }
}
