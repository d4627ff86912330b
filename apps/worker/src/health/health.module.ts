import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HealthChecks, loggingModule, MetricsModule, type Metrics } from '@darkroom/observability';
import type { WorkerConfig } from '../config.js';
import { HealthController } from './health.controller.js';

/** What the worker's port serves: there from its start to its end, whatever the work waits for. */
@Module({})
export class HealthModule {
  static register({ logLevel }: WorkerConfig, metrics: Metrics, checks: HealthChecks): DynamicModule {
    return {
      module: HealthModule,
      imports: [
        loggingModule({ level: logLevel, service: 'worker' }),
        MetricsModule.register(metrics),
        // The health checks say themselves what is away, and why.
        TerminusModule.forRoot({ logger: false }),
      ],
      controllers: [HealthController],
      providers: [{ provide: HealthChecks, useValue: checks }],
    };
  }
}
