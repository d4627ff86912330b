import { describe, expect, it } from '@jest/globals';
import { resolve } from 'node:path';
import { z } from 'zod';
import {
  address,
  ConfigError,
  databaseVariables,
  dataDir,
  duration,
  flag,
  httpAddress,
  natsVariables,
  parseEnvironment,
  port,
  wholeNumber,
} from './index.js';

const lines = (schema: z.ZodObject, env: Record<string, string | undefined>): readonly string[] => {
  try {
    parseEnvironment(schema, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
};

describe('parseEnvironment', () => {
  const schema = z.object({
    PORT: port.default(3000),
    ...natsVariables,
    ...databaseVariables,
    VERBOSE: flag.default(false),
  });
  const good = { NATS_URL: 'nats://a:4222, tls://b', DATABASE_URL: 'postgres://u:p@h/d' };

  it('gives every value in its type, and defaults for what is unset or empty', () => {
    expect(parseEnvironment(schema, { ...good, PORT: '', VERBOSE: 'true', HOME: '/elsewhere' })).toEqual({
      PORT: 3000,
      NATS_URL: ['nats://a:4222', 'tls://b'],
      NATS_REPLICAS: 1,
      NATS_ACK_WAIT: 30_000,
      DATABASE_URL: 'postgres://u:p@h/d',
      VERBOSE: true,
    });
  });

  it('names every bad value at once, one line each', () => {
    expect(lines(schema, { PORT: '70000', NATS_REPLICAS: '2', DATABASE_URL: 'mysql://x', VERBOSE: 'yes' })).toEqual([
      'PORT: must be at most 65535',
      expect.stringContaining('NATS_URL is not set'),
      'NATS_REPLICAS: must be 1, 3 or 5',
      'DATABASE_URL: must be an address that starts with postgres:// or postgresql://',
      'VERBOSE: must be true or false',
    ]);
  });

  it('names the variable of a rule over several', () => {
    const either = z.object({ A: z.string().optional(), B: z.string().optional() });
    const refined = either.refine(({ A, B }) => A !== undefined || B !== undefined, { path: ['A'], error: 'or B' });
    expect(lines(refined, {})).toEqual(['A is not set: or B']);
  });
});

describe('variables', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['3d', 259_200_000],
  ])('%s is %i ms', (text, ms) => {
    expect(duration.parse(text)).toBe(ms);
  });

  it.each(['', '5', 's', '-1s', '1 s', '1w', '1s2'])('%j is no length of time', (text) => {
    expect(duration.safeParse(text).success).toBe(false);
  });

  it.each(['1.5', 'x', '0', '11', '1e1x'])('%j is no whole number from 1 to 10', (text) => {
    expect(wholeNumber(1, 10).safeParse(text).success).toBe(false);
  });

  it('tell addresses by their scheme', () => {
    expect(httpAddress.parse('https://example.com/v1//')).toBe('https://example.com/v1');
    expect(httpAddress.safeParse('ftp://example.com').success).toBe(false);
    expect(address('file', 's3').parse('s3://bucket?region=x')).toBe('s3://bucket?region=x');
    expect(natsVariables.NATS_URL.safeParse('nats://a,http://b').success).toBe(false);
    expect(natsVariables.NATS_URL.safeParse('').success).toBe(false);
  });

  it('make paths absolute', () => {
    expect(dataDir.parse(undefined)).toBe(resolve('.darkroom'));
  });
});
