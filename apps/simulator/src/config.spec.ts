import { describe, expect, it } from '@jest/globals';
import { ConfigError, parseEnvironment } from '@darkroom/config';
import { configSchema, readConfig } from './config.js';

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({ port: 3_002, runMs: 1_500, fileTtlMs: 3_600_000, createsPerMinute: 600 });
  });

  it('reads every variable', () => {
    expect(
      readConfig({
        SIMULATOR_PORT: '4000',
        HOST: '127.0.0.1',
        SIMULATOR_PUBLIC_URL: 'http://simulator:4000/',
        SIMULATOR_RUN_MS: '0',
        SIMULATOR_FILE_TTL: '10m',
        SIMULATOR_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        SIMULATOR_RATE_LIMIT: '6',
        SIMULATOR_DATA_DIR: '/data/simulator/',
      }),
    ).toEqual({
      port: 4_000,
      host: '127.0.0.1',
      publicUrl: 'http://simulator:4000',
      runMs: 0,
      fileTtlMs: 600_000,
      webhookSecret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      createsPerMinute: 6,
      dataDir: '/data/simulator',
    });
  });

  it('names every bad value, one line each', () => {
    const bad = { SIMULATOR_PORT: '99999', SIMULATOR_FILE_TTL: 'soon', SIMULATOR_WEBHOOK_SECRET: 'secret' };
    const lines = (() => {
      try {
        parseEnvironment(configSchema, bad);
        return [];
      } catch (error) {
        return error instanceof ConfigError ? error.lines : [];
      }
    })();
    expect(lines.map((line) => line.split(':')[0]).sort()).toEqual(Object.keys(bad).sort());
  });
});
