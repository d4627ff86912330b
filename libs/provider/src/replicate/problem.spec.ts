import { describe, expect, it } from '@jest/globals';
import { isRefusal, refusalError } from './problem.js';

const now = new Date('2026-11-21T12:00:00Z');

function refuse(status: number, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return refusalError({ status, headers, text }, now);
}

describe('refusalError', () => {
  it.each([
    [400, 'rejected'],
    [401, 'unauthorized'],
    [402, 'out_of_credit'],
    [403, 'unauthorized'],
    [404, 'not_found'],
    [422, 'rejected'],
    [429, 'throttled'],
  ])('of %i is %s', (status, kind) => {
    expect(refuse(status, {})).toMatchObject({ kind, details: { status } });
  });

  it('says what Replicate says', () => {
    const body = { title: 'Input validation failed', detail: '- input: prompt is required\n', status: 422 };
    expect(refuse(422, body).message).toBe('Input validation failed: - input: prompt is required');
  });

  it('says something of a body in any other shape', () => {
    expect(refuse(403, '<html>blocked</html>').message).toBe('Replicate answered 403');
    expect(refuse(404, { detail: ['a', 'list'] }).message).toBe('Replicate answered 404');
    expect(refuse(422, { detail: 'x'.repeat(100_000) }).message.length).toBeLessThanOrEqual(1_000);
  });

  const throttled = { detail: 'Request was throttled. Your rate limit resets in ~30s.', status: 429, retry_after: 5 };

  it.each<[string, unknown, Record<string, string>, number | undefined]>([
    ['the header in seconds', throttled, { 'retry-after': '12' }, 12],
    ['the header as a date', throttled, { 'retry-after': 'Sat, 21 Nov 2026 12:00:20 GMT' }, 20],
    ['a date that has passed', throttled, { 'retry-after': 'Sat, 21 Nov 2026 11:00:00 GMT' }, 0],
    ['the body when the header is nonsense', throttled, { 'retry-after': 'soon' }, 5],
    ['the body', throttled, {}, 5],
    ['the text', { detail: throttled.detail }, {}, 30],
    ['nothing', { detail: 'Slow down' }, {}, undefined],
    ['a wait that nobody means', {}, { 'retry-after': '99999999' }, 3_600],
  ])('takes the wait from %s', (_name, body, headers, seconds) => {
    expect(refuse(429, body, headers).details.retryAfterSeconds).toBe(seconds);
  });
});

describe('isRefusal', () => {
  it('leaves out what says nothing of the outcome', () => {
    expect([200, 302, 408, 500, 503].filter(isRefusal)).toEqual([]);
    expect([400, 402, 404, 422, 429].filter(isRefusal)).toEqual([400, 402, 404, 422, 429]);
  });
});
