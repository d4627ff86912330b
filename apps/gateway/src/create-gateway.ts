import { createMetrics, HealthChecks, Logger } from '@darkroom/observability';
import { NestFactory } from '@nestjs/core';
import type { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GatewayConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { createAdapter } from './http/adapter.js';
import { serveDocs } from './http/docs.js';
import { registerHooks } from './http/hooks.js';
import { acceptFileBodies } from './http/file-body.js';
import { acceptJsonBodies } from './http/json-body.js';
import { STREAM_TIMING } from './live/event-stream.js';

/** The gateway, ready to listen. It needs no server to be there: what is missing is tried for in the background. */
export async function createGateway(
  config: GatewayConfig,
  adapter: FastifyAdapter = createAdapter(),
  timing = STREAM_TIMING,
  clock: () => number = Date.now,
): Promise<NestFastifyApplication> {
  const metrics = createMetrics();
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule.register(config, metrics, timing, clock),
    adapter,
    {
      bufferLogs: true,
      bodyParser: false,
    },
  );
  app.useLogger(app.get(Logger));
  const checks = app.get(HealthChecks);
  metrics.beforeScrape(() => checks.observe(metrics.dependencyUp));
  acceptJsonBodies(app);
  acceptFileBodies(app);
  registerHooks(app, metrics);
  serveDocs(app, config.publicUrl);
  return app;
}
