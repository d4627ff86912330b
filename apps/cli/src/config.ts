import { databaseVariables, loadConfig, logVariables, natsVariables, storageVariables } from '@darkroom/config';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Every environment variable that the commands read. */
export const cliVariables = z.object({
  NATS_URL: natsVariables.NATS_URL,
  NATS_CREDS: natsVariables.NATS_CREDS,
  ...databaseVariables,
  STORAGE_URL: storageVariables.STORAGE_URL,
  // Without a default: where there are no images, none are looked for.
  DATA_DIR: z.string().optional(),
  ...logVariables,
});

export interface CliConfig {
  readonly nats: { readonly servers: readonly string[]; readonly credentials?: string };
  readonly databaseUrl: string;
  /** Null when it was not named: the images are then none of the commands' business. */
  readonly storageUrl: string | null;
  /** Whether what goes well is told too. */
  readonly verbose: boolean;
}

/** Read by the commands, not by the program: help needs none of it. Ends the process when a value is bad. */
export function readConfig(): CliConfig {
  const env = loadConfig(cliVariables);
  return {
    nats: { servers: env.NATS_URL, credentials: env.NATS_CREDS },
    databaseUrl: env.DATABASE_URL,
    storageUrl:
      env.STORAGE_URL ?? (env.DATA_DIR === undefined ? null : `file:${join(resolve(env.DATA_DIR), 'images')}`),
    verbose: ['info', 'debug', 'trace'].includes(env.LOG_LEVEL),
  };
}
