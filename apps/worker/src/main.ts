import { loadConfig } from '@darkroom/config';
import { Logger } from '@nestjs/common';
import { workerConfig, workerVariables } from './config.js';
import { startWorker, type Worker } from './create-worker.js';
import { allowRasterFormatsOnly } from '@darkroom/images';

/** Milliseconds. Longer than running handlers may take to end, shorter than the 10 s after which we are killed. */
const SHUTDOWN_LIMIT_MS = 9_500;

const config = workerConfig(loadConfig(workerVariables));
const logger = new Logger('Worker');
allowRasterFormatsOnly();
let worker: Worker | undefined;
let ending = false;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void end(0, `${signal}: handing work back`));
}

try {
  worker = await startWorker(config, (error) => void end(1, error.message));
  logger.log(`Health and metrics on ${worker.url}`);
} catch (error) {
  await end(1, error instanceof Error ? error.message : String(error));
}

async function end(code: number, reason: string): Promise<void> {
  if (ending) return;
  ending = true;
  if (code === 0) logger.log(reason);
  else process.stderr.write(`The worker cannot go on: ${reason}\n`);
  setTimeout(() => process.exit(code), SHUTDOWN_LIMIT_MS).unref();
  await worker?.close();
  process.exit(code);
}
