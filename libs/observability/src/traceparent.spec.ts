import { describe, expect, it } from '@jest/globals';
import { continueTrace, parseTraceparent } from './traceparent.js';

const inbound = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';
const random = (bytes: number) => 'ab'.repeat(bytes);

describe('traceparent', () => {
  it('keeps the trace and its flags, with a span of its own', () => {
    expect(continueTrace(inbound, random)).toBe('00-0af7651916cd43dd8448eb211c80319c-abababababababab-00');
  });

  it.each([
    undefined,
    '',
    'nonsense',
    inbound.toUpperCase(),
    `${inbound}-extra`,
    inbound.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
    inbound.replace('b7ad6b7169203331', '0'.repeat(16)),
  ])('starts a new trace for %p', (header) => {
    expect(parseTraceparent(header)).toBeNull();
    expect(continueTrace(header, random)).toBe(`00-${'ab'.repeat(16)}-${'ab'.repeat(8)}-01`);
  });

  it('makes different traces', () => {
    expect(continueTrace()).not.toBe(continueTrace());
    expect(parseTraceparent(continueTrace())).not.toBeNull();
  });
});
