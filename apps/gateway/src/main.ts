import { loadConfig } from '@darkroom/config';
import { allowRasterFormatsOnly } from '@darkroom/images';
import { Logger } from '@nestjs/common';
import { gatewayConfig, gatewayVariables } from './config.js';
import { createGateway } from './create-gateway.js';

/** Milliseconds. Whoever stops us kills us after 5 to 10 seconds; what is not done by then is lost anyway. */
const SHUTDOWN_LIMIT_MS = 4_000;

allowRasterFormatsOnly();
const config = gatewayConfig(loadConfig(gatewayVariables));
const app = await createGateway(config);
const logger = new Logger('Gateway');

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void shutDown(signal));

try {
  await app.listen(config.port, config.host);
  logger.log(`Listening on ${await app.getUrl()}`);
} catch (error) {
  process.stderr.write(`The gateway cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function shutDown(signal: string): Promise<void> {
  logger.log(`${signal}: shutting down`);
  setTimeout(() => {
    logger.warn('Connections were still open; leaving them');
    process.exit(0);
  }, SHUTDOWN_LIMIT_MS).unref();
  await app.close();
  process.exit(0);
}
