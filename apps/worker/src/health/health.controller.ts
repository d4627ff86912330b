import { Controller, Get, Inject, Optional } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import { EVENTS_STREAM, type Broker } from '@darkroom/events';
import { dependencyIndicator } from '@darkroom/observability';
import type { ImageStorage } from '@darkroom/storage';
import { BROKER, STORAGE } from '../connections.js';
import { ProjectionService } from '../project/projection.service.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(BROKER) private readonly broker: Broker,
    @Inject(STORAGE) private readonly storage: ImageStorage,
    @Optional() private readonly projection?: ProjectionService,
  ) {}

  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Ready: the broker answers. Without Postgres the projection waits, without storage the downloads do. */
  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    const { projection } = this;
    const nats = async (): Promise<void> => {
      this.broker.assertConnected();
      await this.broker.manager.streams.info(EVENTS_STREAM);
    };
    return this.health.check([
      dependencyIndicator(this.indicators, { name: 'nats', check: nats, required: true }),
      dependencyIndicator(this.indicators, { name: 'storage', check: () => this.storage.check(), required: false }),
      ...(projection
        ? [dependencyIndicator(this.indicators, { name: 'postgres', check: () => projection.check(), required: false })]
        : []),
    ]);
  }
}
