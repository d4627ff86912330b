import {
  HOST,
  databaseVariables,
  flag,
  logVariables,
  natsVariables,
  port,
  storageVariables,
  webhookVariables,
  wholeNumber,
} from '@darkroom/config';
import { join } from 'node:path';
import { z } from 'zod';

/** Short enough to be guessed is as good as none. */
const secret = z.string().min(16, 'must have at least 16 characters');

/** Every environment variable that the gateway reads. */
export const gatewayVariables = z
  .object({
    PORT: port.default(3000),
    HOST,
    ...webhookVariables,
    ...natsVariables,
    ...databaseVariables,
    ...storageVariables,
    ...logVariables,
    AUTH_JWT_SECRET: secret.optional(),
    ADMIN_API_KEY: secret.optional(),
    LINK_SECRET: secret.optional(),
    MAX_ATTEMPTS: wholeNumber(1, 10).default(3),
    LIMIT_HOURLY: wholeNumber(0, 1_000_000).default(20),
    LIMIT_DAILY: wholeNumber(0, 10_000_000).default(100),
    LIMIT_CONCURRENT: wholeNumber(0, 1_000).default(5),
    ALLOW_PRIVATE_URLS: flag.default(false),
  })
  .refine((env) => env.AUTH_JWT_SECRET !== undefined || env.ADMIN_API_KEY !== undefined, {
    path: ['AUTH_JWT_SECRET'],
    error: 'set it, or ADMIN_API_KEY: without either nobody could log in',
  });

export interface GatewayConfig {
  readonly port: number;
  readonly host: string;
  /** Where clients reach the API, without a trailing slash. */
  readonly publicUrl: string;
  readonly nats: {
    readonly servers: readonly string[];
    readonly credentials?: string;
    readonly replicas: number;
    /** As the workers have it: whoever provisions last sets it. Milliseconds. */
    readonly ackWaitMs: number;
  };
  readonly databaseUrl: string;
  readonly storageUrl: string;
  readonly auth: { readonly jwtSecret?: string; readonly adminApiKey?: string };
  /** Signs links to images. */
  readonly linkSecret: string;
  /** Attempts of a generation whose request names no number. */
  readonly maxAttempts: number;
  /** Generations of a user whose credential carries no limits of its own; null: no limit. */
  readonly limits: {
    readonly hourly: number | null;
    readonly daily: number | null;
    /** At once. */
    readonly concurrent: number | null;
  };
  /** `whsec_…`: of the provider's webhooks; null: they are refused. */
  readonly replicateWebhookSecret: string | null;
  /** Whether addresses that a client gives may point into a private network. */
  readonly allowPrivateUrls: boolean;
  readonly logLevel: z.output<(typeof logVariables)['LOG_LEVEL']>;
}

export function gatewayConfig(env: z.output<typeof gatewayVariables>): GatewayConfig {
  const reachable = env.HOST === '0.0.0.0' || env.HOST === '::' ? 'localhost' : env.HOST;
  return {
    port: env.PORT,
    host: env.HOST,
    publicUrl: env.PUBLIC_URL ?? `http://${reachable}:${env.PORT}`,
    nats: {
      servers: env.NATS_URL,
      credentials: env.NATS_CREDS,
      replicas: env.NATS_REPLICAS,
      ackWaitMs: env.NATS_ACK_WAIT,
    },
    databaseUrl: env.DATABASE_URL,
    storageUrl: env.STORAGE_URL ?? `file:${join(env.DATA_DIR, 'images')}`,
    auth: { jwtSecret: env.AUTH_JWT_SECRET, adminApiKey: env.ADMIN_API_KEY },
    // One of the three is there, or the environment was refused; what is made of it is the links' own key.
    linkSecret: env.LINK_SECRET ?? env.AUTH_JWT_SECRET ?? env.ADMIN_API_KEY ?? '',
    maxAttempts: env.MAX_ATTEMPTS,
    // 0 in the environment stands for no limit.
    limits: {
      hourly: env.LIMIT_HOURLY || null,
      daily: env.LIMIT_DAILY || null,
      concurrent: env.LIMIT_CONCURRENT || null,
    },
    replicateWebhookSecret: env.REPLICATE_WEBHOOK_SECRET ?? null,
    allowPrivateUrls: env.ALLOW_PRIVATE_URLS,
    logLevel: env.LOG_LEVEL,
  };
}
