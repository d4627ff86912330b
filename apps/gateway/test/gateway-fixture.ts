import { eventually } from '../../../test/support/eventually.js';
import { SignJWT, type JWTPayload } from 'jose';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import { gatewayConfig, gatewayVariables } from '../src/config.js';
import { LogConnection } from '../src/connections/log.js';
import { createGateway } from '../src/create-gateway.js';
import type { StreamTiming } from '../src/live/event-stream.js';

export const JWT_SECRET = 'a secret of the tests, 32 bytes!';
export const ADMIN_KEY = 'an-operators-key-of-the-tests';

/** An address at which no Postgres is. */
export const NO_POSTGRES = 'postgres://127.0.0.1:1/nothing';

export interface TestGateway {
  readonly app: NestFastifyApplication;
  readonly url: string;
  /** Its way to the log, for tests that play the worker. */
  readonly log: LogConnection;
  /** Folder of its images. */
  readonly images: string;
  /** Sends a request as a user, or with the Authorization header that is given; `json` is sent as the body. */
  send(path: string, options?: RequestOptions): Promise<Answer>;
  /** Resolves when the gateway accepts requests. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

export interface RequestOptions {
  readonly method?: string;
  /** Default `alice`; null sends no credentials. */
  readonly user?: string | null;
  /** Further claims of the user's token. */
  readonly claims?: JWTPayload;
  readonly json?: unknown;
  /** A text is taken for JSON. */
  readonly body?: string | Buffer | FormData;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Whatever the server sent: the test says what it expects. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

/** The real gateway on a free port, without limits of users, against servers that may or may not be there. */
export async function startGateway(
  env: { NATS_URL: string; DATABASE_URL: string; [name: string]: string },
  adapter?: FastifyAdapter,
  timing?: StreamTiming,
  clock?: () => number,
): Promise<TestGateway> {
  const images = await mkdtemp(join(tmpdir(), 'darkroom-images-'));
  const variables = gatewayVariables.parse({
    STORAGE_URL: `file:${images}`,
    AUTH_JWT_SECRET: JWT_SECRET,
    ADMIN_API_KEY: ADMIN_KEY,
    LOG_LEVEL: 'silent',
    PORT: '0',
    HOST: '127.0.0.1',
    LIMIT_HOURLY: '0',
    LIMIT_DAILY: '0',
    LIMIT_CONCURRENT: '0',
    ...env,
  });
  const app = await createGateway(gatewayConfig(variables), adapter, timing, clock);
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const sendTo = (path: string, options?: RequestOptions) => send(url + path, options);
  return {
    app,
    url,
    log: app.get(LogConnection),
    images,
    send: sendTo,
    ready: () => eventually(async () => (await sendTo('/health/ready')).status === 200),
    async close() {
      await app.close();
      await rm(images, { recursive: true, force: true });
    },
  };
}

export async function tokenFor(user: string, claims: JWTPayload = {}, secret = JWT_SECRET): Promise<string> {
  return new SignJWT({ sub: user, ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret));
}

async function send(url: string, options: RequestOptions = {}): Promise<Answer> {
  const { user = 'alice', claims, json, headers, signal } = options;
  const body = json === undefined ? options.body : JSON.stringify(json);
  const response = await fetch(url, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    body: Buffer.isBuffer(body) ? Uint8Array.from(body) : body,
    signal,
    redirect: 'manual',
    headers: {
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      ...(user !== null && { authorization: `Bearer ${await tokenFor(user, claims)}` }),
      ...headers,
    },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && bytes.length > 0;
  const parsed: unknown = isJson ? JSON.parse(bytes.toString()) : undefined;
  return { status: response.status, headers: response.headers, bytes, json: parsed };
}
