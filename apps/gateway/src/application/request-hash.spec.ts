import { describe, expect, it } from '@jest/globals';
import { requestHash } from './request-hash.js';

describe('requestHash', () => {
  it('does not depend on the order of keys', () => {
    expect(requestHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(requestHash({ b: { d: null, c: [1, 2] }, a: 1 }));
  });

  it.each([[{ a: 2 }], [{ a: '1' }], [{ a: 1, b: null }], [{ a: [1] }], [{}]])('tells %p from { a: 1 }', (other) => {
    expect(requestHash(other)).not.toBe(requestHash({ a: 1 }));
  });

  it('never changes: stored hashes are compared with it for ever', () => {
    expect(requestHash({ prompt: 'a lighthouse', seed: 0 })).toBe(
      '004081865c3124e88dabe08fc586c80a25f909b6bf75f67423b83dda910754f4',
    );
  });
});
