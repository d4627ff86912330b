import { describe, expect, it } from '@jest/globals';
import { BadCursor, decodeCursor, encodeCursor } from './cursor.js';

const position = { createdAt: '2026-01-02T03:04:05.678Z', id: '019b7c5e-8f4e-7000-8000-000000000010' };

describe('cursor', () => {
  it('gives back where the page ended, and fits into a URL', () => {
    const cursor = encodeCursor(position);
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(cursor)).toEqual(position);
  });

  const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each([
    '',
    'nonsense',
    'x'.repeat(10_000),
    forged(null),
    forged({}),
    forged([position.createdAt]),
    forged([position.createdAt, "'; DROP TABLE generations"]),
    forged(['infinity', position.id]),
    forged(['2026-13-45T99:00:00Z', position.id]),
    forged([1, 2]),
  ])('refuses %.40s', (cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(BadCursor);
  });
});
