import { describe, expect, it } from '@jest/globals';
import { requestedRange } from './byte-range.js';

const etag = '"abc"';

describe('requestedRange', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-500', { start: 0, end: 99 }],
    ['bytes=95-500', { start: 95, end: 99 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=0-1,5-6', 'whole'],
    ['items=0-1', 'whole'],
    ['bytes=9-1', 'whole'],
    ['bytes=-', 'whole'],
    ['bytes=200-300', 'unsatisfiable'],
    ['nonsense', 'whole'],
    [undefined, 'whole'],
  ])('%s of 100 bytes is %p', (range, expected) => {
    expect(requestedRange({ range }, 100, etag)).toEqual(expected);
  });

  it('holds for the version that the client has, else the whole is sent', () => {
    expect(requestedRange({ range: 'bytes=0-9', 'if-range': etag }, 100, etag)).toEqual({ start: 0, end: 9 });
    expect(requestedRange({ range: 'bytes=0-9', 'if-range': '"old"' }, 100, etag)).toBe('whole');
    expect(requestedRange({ range: 'bytes=0-9', 'if-range': 'W/"abc"' }, 100, etag)).toBe('whole');
  });
});
