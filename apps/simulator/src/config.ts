import { resolve } from 'node:path';
import { duration, HOST, httpAddress, loadConfig, port, wholeNumber } from '@darkroom/config';
import { z } from 'zod';
import type { SimulatorOptions } from './settings.js';

export const configSchema = z.object({
  SIMULATOR_PORT: port.default(3_002),
  HOST,
  SIMULATOR_PUBLIC_URL: httpAddress.optional(),
  SIMULATOR_RUN_MS: wholeNumber(0, 1_800_000).default(1_500),
  SIMULATOR_FILE_TTL: duration.default(3_600_000),
  SIMULATOR_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{16,}={0,2}$/, 'must be whsec_ and at least 16 characters of base64')
    .optional(),
  SIMULATOR_RATE_LIMIT: wholeNumber(1, 1_000_000).default(600),
  SIMULATOR_DATA_DIR: z
    .string()
    .transform((path) => resolve(path))
    .optional(),
});

/** The simulator's settings by its environment variables; ends the process with one line per bad value. */
export function readConfig(env?: NodeJS.ProcessEnv): SimulatorOptions {
  const config = loadConfig(configSchema, env);
  return {
    host: config.HOST,
    port: config.SIMULATOR_PORT,
    publicUrl: config.SIMULATOR_PUBLIC_URL,
    runMs: config.SIMULATOR_RUN_MS,
    fileTtlMs: config.SIMULATOR_FILE_TTL,
    webhookSecret: config.SIMULATOR_WEBHOOK_SECRET,
    createsPerMinute: config.SIMULATOR_RATE_LIMIT,
    dataDir: config.SIMULATOR_DATA_DIR,
  };
}
