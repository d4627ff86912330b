import { createMetrics, Logger } from '@darkroom/observability';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GatewayConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { createAdapter } from './http/adapter.js';
import { serveDocs } from './http/docs.js';
import { registerHooks } from './http/hooks.js';

/** The gateway, ready to listen. It needs no server to be there: what is missing is tried for in the background. */
export async function createGateway(config: GatewayConfig): Promise<NestFastifyApplication> {
  const metrics = createMetrics();
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule.register(config, metrics),
    createAdapter(),
    { bufferLogs: true },
  );
  app.useLogger(app.get(Logger));
  await registerHooks(app, metrics);
  serveDocs(app, config.publicUrl);
  return app;
}
