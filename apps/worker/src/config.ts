import {
  HOST,
  databaseVariables,
  duration,
  flag,
  httpAddress,
  logVariables,
  natsVariables,
  port,
  storageVariables,
  webhookVariables,
  wholeNumber,
} from '@darkroom/config';
import { join } from 'node:path';
import { z } from 'zod';

export const ROLES = ['dispatch', 'generate', 'download', 'project', 'sweep'] as const;
export type Role = (typeof ROLES)[number];

const roles = z
  .string()
  .transform((text) => (text === 'all' ? [...ROLES] : text.split(',').map((role) => role.trim())))
  .pipe(z.array(z.enum(ROLES, `must be all, or some of ${ROLES.join(', ')} with commas between them`)));

/** Every environment variable that the worker reads. */
export const workerVariables = z
  .object({
    WORKER_PORT: port.default(3001),
    HOST,
    ...natsVariables,
    ...databaseVariables,
    ...storageVariables,
    ...logVariables,
    WORKER_ROLES: roles.default([...ROLES]),
    REPLICATE_API_TOKEN: z.string().regex(/^\S+$/, 'must not contain spaces').optional(),
    REPLICATE_BASE_URL: httpAddress.default('https://api.replicate.com/v1'),
    GENERATE_CONCURRENCY: wholeNumber(1, 10_000).default(100),
    DOWNLOAD_CONCURRENCY: wholeNumber(1, 1_000).default(8),
    // Replicate refuses less than 5 s, and ends every run after 30 min.
    GENERATION_TIMEOUT: duration
      .refine((ms) => ms >= 5_000 && ms <= 1_800_000, 'must be between 5s and 30m')
      .default(600_000),
    RETRY_BACKOFF_BASE: duration.default(2_000),
    SWEEP_INTERVAL: duration.refine((ms) => ms >= 100, 'must be 100ms or more').default(60_000),
    // Of an account with credit: https://replicate.com/docs/topics/predictions/rate-limits
    REPLICATE_CREATES_PER_MINUTE: wholeNumber(1, 10_000_000).default(600),
    REPLICATE_CALLS_PER_MINUTE: wholeNumber(1, 10_000_000).default(3_000),
    ...webhookVariables,
    ALLOW_PRIVATE_URLS: flag.default(false),
    KEEP_IMAGE_METADATA: flag.default(false),
  })
  .refine((env) => env.REPLICATE_API_TOKEN !== undefined || !env.WORKER_ROLES.some(needsProvider), {
    path: ['REPLICATE_API_TOKEN'],
    error: 'the roles generate and download need it',
  });

function needsProvider(role: Role): boolean {
  return role === 'generate' || role === 'download';
}

export interface WorkerConfig {
  readonly port: number;
  readonly host: string;
  readonly roles: readonly Role[];
  readonly nats: {
    readonly servers: readonly string[];
    readonly credentials?: string;
    readonly replicas: number;
    /** How long work may go without a sign of life before another worker gets it. Milliseconds. */
    readonly ackWaitMs: number;
  };
  readonly databaseUrl: string;
  readonly storageUrl: string;
  readonly replicate: {
    readonly token: string;
    readonly baseUrl: string;
    /** Of all workers together. */
    readonly createsPerMinute: number;
    readonly callsPerMinute: number;
    /** Where the provider tells of its predictions; null: it is asked. */
    readonly webhookUrl: string | null;
  };
  readonly concurrency: { readonly generate: number; readonly download: number };
  /** For all attempts of a generation together, from the beginning of the first. Milliseconds. */
  readonly generationTimeoutMs: number;
  /** Beyond that, before a prediction is taken for over: clocks differ, answers take time. Tests shorten it. Milliseconds. */
  readonly deadlineMarginMs: number;
  /** Pause before the first retry; doubled with every further one. Milliseconds. */
  readonly retryBaseMs: number;
  /** How long nothing is begun after the account was found without credit, or a model broken. Tests shorten them. Milliseconds. */
  readonly pauses: { readonly outOfCreditMs: number; readonly brokenModelMs: number };
  readonly sweep: {
    /** Between two sweeps of all workers together. Milliseconds. */
    readonly everyMs: number;
    /** How long nothing must have happened to a generation before somebody looks for its work. Milliseconds. */
    readonly idleMs: number;
  };
  /** Whether outputs may be fetched from private addresses, as from a simulator. */
  readonly allowPrivateUrls: boolean;
  /** Whether EXIF, XMP, prompts and provenance that a model writes into its files are stored with them. */
  readonly keepImageMetadata: boolean;
  readonly logLevel: z.output<(typeof logVariables)['LOG_LEVEL']>;
}

export function workerConfig(env: z.output<typeof workerVariables>): WorkerConfig {
  return {
    port: env.WORKER_PORT,
    host: env.HOST,
    roles: env.WORKER_ROLES,
    nats: {
      servers: env.NATS_URL,
      credentials: env.NATS_CREDS,
      replicas: env.NATS_REPLICAS,
      ackWaitMs: env.NATS_ACK_WAIT,
    },
    databaseUrl: env.DATABASE_URL,
    storageUrl: env.STORAGE_URL ?? `file:${join(env.DATA_DIR, 'images')}`,
    replicate: {
      token: env.REPLICATE_API_TOKEN ?? '',
      baseUrl: env.REPLICATE_BASE_URL,
      createsPerMinute: env.REPLICATE_CREATES_PER_MINUTE,
      callsPerMinute: env.REPLICATE_CALLS_PER_MINUTE,
      webhookUrl: webhookUrl(env),
    },
    concurrency: { generate: env.GENERATE_CONCURRENCY, download: env.DOWNLOAD_CONCURRENCY },
    generationTimeoutMs: env.GENERATION_TIMEOUT,
    deadlineMarginMs: Math.min(30_000, env.GENERATION_TIMEOUT / 10),
    retryBaseMs: env.RETRY_BACKOFF_BASE,
    pauses: {
      outOfCreditMs: Math.min(60_000, env.GENERATION_TIMEOUT / 10),
      brokenModelMs: Math.min(30_000, env.GENERATION_TIMEOUT / 20),
    },
    sweep: { everyMs: env.SWEEP_INTERVAL, idleMs: 2 * env.SWEEP_INTERVAL },
    allowPrivateUrls: env.ALLOW_PRIVATE_URLS,
    keepImageMetadata: env.KEEP_IMAGE_METADATA,
    logLevel: env.LOG_LEVEL,
  };
}

/** Replicate sends webhooks over HTTPS only, and refuses a create that names another address. */
function webhookUrl(env: z.output<typeof workerVariables>): string | null {
  const { PUBLIC_URL: url, REPLICATE_WEBHOOK_SECRET: secret, ALLOW_PRIVATE_URLS: simulated } = env;
  if (url === undefined || secret === undefined) return null;
  return url.startsWith('https:') || simulated ? `${url}/v1/hooks/replicate` : null;
}
