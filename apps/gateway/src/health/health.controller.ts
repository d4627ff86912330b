import { dependencyIndicator, type DependencyCheck } from '@darkroom/observability';
import type { ReadModels } from '@darkroom/read-models';
import type { ImageStorage } from '@darkroom/storage';
import { Controller, Get, Inject, Logger, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorFunction,
} from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Public } from '../auth/auth.guard.js';
import { READ_MODELS, STORAGE } from '../connections/tokens.js';
import { LiveHub } from '../live/live-hub.js';

@Public()
@ApiTags('Health')
@Controller('health')
export class HealthController {
  readonly #logger = new Logger('Health');

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly hub: LiveHub,
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
    @Inject(STORAGE) private readonly storage: ImageStorage,
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
      return await this.health.check(
        [
          { name: 'nats', check: () => this.hub.check(), required: true },
          { name: 'postgres', check: () => this.readModels.check(), required: false },
          { name: 'storage', check: () => this.storage.check(), required: false },
        ].map((dependency) => this.#indicator(dependency)),
      );
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      reply.status(503);
      return error.getResponse() as HealthCheckResult;
    }
  }

  /** The answer is public: why something is away (addresses, names of buckets) is for the log. */
  #indicator({ check, ...dependency }: DependencyCheck): HealthIndicatorFunction {
    const discreet = async (signal: AbortSignal): Promise<void> => {
      try {
        await check(signal);
      } catch (error) {
        this.#logger.warn({ err: error }, `${dependency.name} cannot be used`);
        throw new Error('It cannot be used now', { cause: error });
      }
    };
    return dependencyIndicator(this.indicators, { ...dependency, check: discreet });
  }
}
