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
    ['nothing', ''],
    ['no JSON', 'nonsense'],
    ['too much', 'x'.repeat(10_000)],
    ['null', forged(null)],
    ['no list', forged({})],
    ['half a position', forged([position.createdAt])],
    ['SQL for an id', forged([position.createdAt, "'; DROP TABLE generations"])],
    ['a word for a time', forged(['infinity', position.id])],
    ['a time that is none', forged(['2026-13-45T99:00:00Z', position.id])],
    ['numbers', forged([1, 2])],
  ])('refuses %s', (_name, cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(BadCursor);
  });
});
