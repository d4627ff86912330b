import { resolve } from 'node:path';
import { z } from 'zod';

/** Variables that several apps read, defined once. Each app picks those it needs in its own config file. */

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time such as `500ms`, `2s`, `10m`, `1h`, in milliseconds. */
export const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/, 'must be a length of time such as 500ms, 2s, 10m or 1h')
  .transform((text) => {
    const unit = text.replace(/^[\d.]+/, '') as keyof typeof UNITS;
    return Math.round(parseFloat(text) * UNITS[unit]);
  });

export const wholeNumber = (min: number, max: number) =>
  z.coerce
    .number({ error: 'must be a whole number' })
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`);

export const flag = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');

export const port = wholeNumber(0, 65_535);

/** An address with one of the given schemes, e.g. `https`. */
export const address = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)),
      `must be an address that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    );

export const httpAddress = address('http', 'https').transform((text) => text.replace(/\/+$/, ''));

/** One or several comma-separated server addresses. */
const natsServers = z
  .string()
  .transform((text) => text.split(',').map((server) => server.trim()))
  .refine(
    (servers) =>
      servers.every((server) => URL.canParse(server) && /^(nats|tls|ws|wss):$/.test(new URL(server).protocol)),
    'must be an address that starts with nats:// or tls://, or several with commas between them',
  );

export const dataDir = z
  .string()
  .default('.darkroom')
  .transform((path) => resolve(path));

export const natsVariables = {
  NATS_URL: natsServers,
  NATS_CREDS: z.string().optional(),
  NATS_REPLICAS: wholeNumber(1, 5)
    .refine((n) => n % 2 === 1, 'must be 1, 3 or 5')
    .default(1),
  /** The same for every process: whoever starts last sets it. */
  NATS_ACK_WAIT: duration.refine((ms) => ms >= 1_000, 'must be at least 1s').default(30_000),
};

export const databaseVariables = { DATABASE_URL: address('postgres', 'postgresql') };

export const storageVariables = {
  DATA_DIR: dataDir,
  /** Unset: `file:<DATA_DIR>/images`. */
  STORAGE_URL: address('file', 's3').optional(),
};

/** What the gateway that is told, and the worker that asks to be, have to agree on. */
export const webhookVariables = {
  PUBLIC_URL: httpAddress.optional(),
  REPLICATE_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]+={0,2}$/, 'must be whsec_ and base64, as GET /webhooks/default/secret tells it')
    .optional(),
};

export const logVariables = {
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
};

export const HOST = z.string().default('0.0.0.0');
