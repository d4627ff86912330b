import { describe, expect, it } from '@jest/globals';
import { isTransient, orUnavailable, ReadModelUnavailable } from './unavailable.js';

const withCode = (code: string) => Object.assign(new Error('x'), { code });

describe('isTransient', () => {
  it.each(['08006', '57014', '57P01', '53300', '40P01', '55P03', '42P01', '3F000', '28P01'])(
    '%s may be cured later',
    (code) => expect(isTransient(withCode(code))).toBe(true),
  );
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'])('so may %s', (code) =>
    expect(isTransient(withCode(code))).toBe(true),
  );
  it.each(['Query read timeout', 'timeout exceeded when trying to connect', 'Connection terminated unexpectedly'])(
    'so may "%s"',
    (message) => expect(isTransient(new Error(message))).toBe(true),
  );
  it.each(['22P02', '22P05', '23505', '42703', '42601'])('%s is the fault of the statement', (code) =>
    expect(isTransient(withCode(code))).toBe(false),
  );
  it('an error of our own is no reason to wait', () => {
    expect(isTransient(new TypeError('x is undefined'))).toBe(false);
    expect(isTransient(withCode('ERR_INVALID_ARG_TYPE'))).toBe(false);
    expect(isTransient('text')).toBe(false);
  });
});

describe('orUnavailable', () => {
  it('keeps the cause, and lets other errors through', async () => {
    const gone = withCode('ECONNREFUSED');
    await expect(orUnavailable(() => Promise.reject(gone))).rejects.toThrow(ReadModelUnavailable);
    await expect(orUnavailable(() => Promise.reject(gone))).rejects.toMatchObject({ cause: gone, code: 'unavailable' });
    const wrong = withCode('42601');
    await expect(orUnavailable(() => Promise.reject(wrong))).rejects.toBe(wrong);
  });
});
