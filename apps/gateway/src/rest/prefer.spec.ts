import { describe, expect, it } from '@jest/globals';
import { preferredWait } from './prefer.js';

describe('preferredWait', () => {
  it.each([
    ['wait=10', 10],
    ['Wait = 10', 10],
    ['respond-async, wait=5', 5],
    ['wait="7"; foo=bar', 7],
    ['wait=3, wait=9', 3],
    ['wait=60', 60],
    ['wait=3600', 60],
    ['wait=0', null],
    ['wait=-1', null],
    ['wait=soon', null],
    ['wait', null],
    ['waiting=5', null],
    ['', null],
    [undefined, null],
  ])('%p asks for %p seconds', (header, seconds) => {
    expect(preferredWait(header)).toBe(seconds);
  });
});
