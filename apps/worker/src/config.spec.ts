import { describe, expect, it } from '@jest/globals';
import { ConfigError, parseEnvironment } from '@darkroom/config';
import { resolve } from 'node:path';
import { workerConfig, workerVariables } from './config.js';

const good = { NATS_URL: 'nats://a', DATABASE_URL: 'postgres://h/d', REPLICATE_API_TOKEN: 'r8_x' };
const config = (env: Record<string, string>) => workerConfig(parseEnvironment(workerVariables, { ...good, ...env }));

function lines(env: Record<string, string>): readonly string[] {
  try {
    config(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

describe('workerConfig', () => {
  it('has the defaults of the documentation', () => {
    expect(config({})).toMatchObject({
      port: 3001,
      host: '0.0.0.0',
      roles: ['dispatch', 'generate', 'download', 'project', 'sweep'],
      storageUrl: `file:${resolve('.darkroom/images')}`,
      replicate: {
        token: 'r8_x',
        baseUrl: 'https://api.replicate.com/v1',
        createsPerMinute: 600,
        callsPerMinute: 3_000,
        webhookUrl: null,
      },
      concurrency: { generate: 100, download: 8 },
      generationTimeoutMs: 600_000,
      deadlineMarginMs: 30_000,
      retryBaseMs: 2_000,
      sweep: { everyMs: 60_000, idleMs: 120_000 },
      allowPrivateUrls: false,
    });
  });

  it('asks for webhooks only where the provider can send them, and where they can be believed', () => {
    const REPLICATE_WEBHOOK_SECRET = 'whsec_c2VjcmV0';
    const webhookUrl = (env: Record<string, string>) => config(env).replicate.webhookUrl;
    expect(webhookUrl({ PUBLIC_URL: 'https://img.example.com/', REPLICATE_WEBHOOK_SECRET })).toBe(
      'https://img.example.com/v1/hooks/replicate',
    );
    expect(webhookUrl({ PUBLIC_URL: 'https://img.example.com' })).toBeNull();
    expect(webhookUrl({ REPLICATE_WEBHOOK_SECRET })).toBeNull();
    const local = { PUBLIC_URL: 'http://localhost:3000', REPLICATE_WEBHOOK_SECRET };
    expect(webhookUrl(local)).toBeNull();
    expect(webhookUrl({ ...local, ALLOW_PRIVATE_URLS: 'true' })).toBe('http://localhost:3000/v1/hooks/replicate');
  });

  it('plays the roles that it is told', () => {
    expect(config({ WORKER_ROLES: 'project, dispatch' }).roles).toEqual(['project', 'dispatch']);
    expect(config({ WORKER_ROLES: 'all' }).roles).toHaveLength(5);
    expect(lines({ WORKER_ROLES: 'dispatch,paint' })).toEqual([expect.stringContaining('WORKER_ROLES: must be all')]);
  });

  it('needs a token only for the roles that talk to the provider', () => {
    expect(lines({ REPLICATE_API_TOKEN: '' })).toEqual([expect.stringContaining('REPLICATE_API_TOKEN is not set')]);
    expect(lines({ REPLICATE_API_TOKEN: 'two words' })).toEqual(['REPLICATE_API_TOKEN: must not contain spaces']);
    expect(lines({ REPLICATE_API_TOKEN: '', WORKER_ROLES: 'dispatch,project' })).toEqual([]);
  });

  it.each(['4s', '31m', '600', 'never'])('refuses a GENERATION_TIMEOUT of %s', (GENERATION_TIMEOUT) => {
    expect(lines({ GENERATION_TIMEOUT })).toEqual([expect.stringMatching(/^GENERATION_TIMEOUT: must be /)]);
  });
});
