import { Controller, Get, Header, Inject, Module, type DynamicModule } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { PrometheusContentType, Registry } from 'prom-client';
import type { Metrics } from './metrics.js';

/** Injection token of the process's {@link Metrics}. */
export const METRICS = Symbol('METRICS');

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(@Inject(METRICS) private readonly metrics: Metrics) {}

  /** Prometheus's text format. Holds no user data, and asks for no credentials. */
  @Get()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE satisfies PrometheusContentType)
  @Header('cache-control', 'no-store')
  scrape(): Promise<string> {
    return this.metrics.scrape();
  }
}

/** `GET /metrics`, and the metrics for injection by {@link METRICS} anywhere in the app. */
@Module({})
export class MetricsModule {
  static register(metrics: Metrics): DynamicModule {
    return {
      module: MetricsModule,
      global: true,
      controllers: [MetricsController],
      providers: [{ provide: METRICS, useValue: metrics }],
      exports: [METRICS],
    };
  }
}
