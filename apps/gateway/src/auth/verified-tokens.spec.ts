import { describe, expect, it } from '@jest/globals';
import { VerifiedTokens } from './verified-tokens.js';

describe('verified tokens', () => {
  const at = (start: number) => {
    let now = start;
    const tokens = new VerifiedTokens<string>(() => now);
    return { tokens, pass: (milliseconds: number) => (now += milliseconds) };
  };

  it('are known by the whole token only', () => {
    const { tokens } = at(0);
    tokens.add('a.b.c', 'alice', undefined);
    expect(tokens.get('a.b.c')).toBe('alice');
    expect(tokens.get('a.b.d')).toBeUndefined();
    expect(tokens.get('a.b')).toBeUndefined();
  });

  it('are forgotten in the moment in which they expire', () => {
    const { tokens, pass } = at(1_000_000);
    tokens.add('token', 'alice', 1_010);
    pass(9_999);
    expect(tokens.get('token')).toBe('alice');
    pass(1);
    expect(tokens.get('token')).toBeUndefined();
  });

  it('are forgotten after a minute, whatever their expiry', () => {
    const { tokens, pass } = at(0);
    tokens.add('ends late', 'alice', 1_000_000);
    tokens.add('never ends', 'bob', undefined);
    pass(59_999);
    expect([tokens.get('ends late'), tokens.get('never ends')]).toEqual(['alice', 'bob']);
    pass(1);
    expect([tokens.get('ends late'), tokens.get('never ends')]).toEqual([undefined, undefined]);
  });

  it('are forgotten when there are too many, the oldest first', () => {
    const { tokens } = at(0);
    for (let n = 0; n <= 10_000; n++) tokens.add(`token ${n}`, 'alice', undefined);
    expect([tokens.get('token 0'), tokens.get('token 1'), tokens.get('token 10000')]).toEqual([
      undefined,
      'alice',
      'alice',
    ]);
  });
});
