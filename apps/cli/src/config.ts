import { databaseVariables, loadConfig, logVariables, natsVariables } from '@darkroom/config';
import { z } from 'zod';

/** Every environment variable that the commands read. */
export const cliVariables = z.object({
  NATS_URL: natsVariables.NATS_URL,
  NATS_CREDS: natsVariables.NATS_CREDS,
  ...databaseVariables,
  ...logVariables,
});

export interface CliConfig {
  readonly nats: { readonly servers: readonly string[]; readonly credentials?: string };
  readonly databaseUrl: string;
  /** Whether what goes well is told too. */
  readonly verbose: boolean;
}

/** Read by the commands, not by the program: help needs none of it. Ends the process when a value is bad. */
export function readConfig(): CliConfig {
  const env = loadConfig(cliVariables);
  return {
    nats: { servers: env.NATS_URL, credentials: env.NATS_CREDS },
    databaseUrl: env.DATABASE_URL,
    verbose: ['info', 'debug', 'trace'].includes(env.LOG_LEVEL),
  };
}
