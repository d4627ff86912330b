import { ConfigError, parseEnvironment } from '@darkroom/config';
import { describe, expect, it } from '@jest/globals';
import { gatewayConfig, gatewayVariables } from './config.js';

const REQUIRED = {
  NATS_URL: 'nats://127.0.0.1:4222',
  DATABASE_URL: 'postgres://127.0.0.1/darkroom',
  ADMIN_API_KEY: 'a-key-of-the-operators',
};

function faults(env: Record<string, string>): readonly string[] {
  try {
    parseEnvironment(gatewayVariables, env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.lines;
  }
}

describe('the configuration', () => {
  it('needs little', () => {
    const config = gatewayConfig(parseEnvironment(gatewayVariables, REQUIRED));
    expect(config).toMatchObject({ port: 3000, host: '0.0.0.0', publicUrl: 'http://localhost:3000', maxAttempts: 3 });
    expect(config.storageUrl).toMatch(/^file:\/.*\/\.darkroom\/images$/);
    expect(config.allowPrivateUrls).toBe(false);
  });

  it('signs links with a secret of their own, or else with what is there', () => {
    const secretOf = (env: Record<string, string>) =>
      gatewayConfig(parseEnvironment(gatewayVariables, { ...REQUIRED, ...env })).linkSecret;
    const AUTH_JWT_SECRET = 'a secret of tokens, 32 bytes long';
    expect(secretOf({})).toBe(REQUIRED.ADMIN_API_KEY);
    expect(secretOf({ AUTH_JWT_SECRET })).toBe(AUTH_JWT_SECRET);
    expect(secretOf({ AUTH_JWT_SECRET, LINK_SECRET: 'a secret of links' })).toBe('a secret of links');
    expect(faults({ ...REQUIRED, LINK_SECRET: 'short' })).toEqual([expect.stringContaining('LINK_SECRET')]);
  });

  it('names every bad value in a line of its own', () => {
    const lines = faults({
      ...REQUIRED,
      NATS_URL: 'http://x',
      PORT: 'eighty',
      MAX_ATTEMPTS: '11',
      ADMIN_API_KEY: 'short',
    });
    expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([
      'ADMIN_API_KEY',
      'MAX_ATTEMPTS',
      'NATS_URL',
      'PORT',
    ]);
  });

  it('says what is missing', () => {
    expect(faults({}).join('\n')).toMatch(/DATABASE_URL is not set|NATS_URL is not set/);
    const { ADMIN_API_KEY: _, ...withoutKeys } = REQUIRED;
    expect(faults(withoutKeys).join('\n')).toContain('AUTH_JWT_SECRET');
  });
});
