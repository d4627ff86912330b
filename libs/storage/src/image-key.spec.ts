import { describe, expect, it } from '@jest/globals';
import { imageKey, thumbnailKey } from './image-key.js';
import { assertKey } from './image-storage.js';

function generationIdAt(time: string): string {
  const hex = Date.parse(time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789a0`;
}

const SHA256 = 'ab'.repeat(32);

describe('imageKey', () => {
  it('names the day of the request (UTC), the generation, the place and the content', () => {
    const generationId = generationIdAt('2026-11-21T23:59:59.999Z');
    const key = imageKey({ generationId, index: 2, sha256: SHA256, format: 'webp' });
    expect(key).toBe(`images/2026/11/21/${generationId}/2-abababababababab.webp`);
    expect(() => assertKey(key)).not.toThrow();
  });

  it('is the same for the same content and another for other content', () => {
    const identity = {
      generationId: generationIdAt('2026-01-01T00:00:00Z'),
      index: 0,
      sha256: SHA256,
      format: 'png',
    } as const;
    expect(imageKey(identity)).toBe(imageKey({ ...identity }));
    expect(imageKey({ ...identity, sha256: 'cd'.repeat(32) })).not.toBe(imageKey(identity));
  });

  it.each([
    { generationId: '../../etc', index: 0, sha256: SHA256 },
    { generationId: generationIdAt('2026-01-01T00:00:00Z'), index: -1, sha256: SHA256 },
    { generationId: generationIdAt('2026-01-01T00:00:00Z'), index: 0, sha256: 'AB' },
  ])('refuses %j', (identity) => {
    expect(() => imageKey({ ...identity, format: 'png' })).toThrow(expect.objectContaining({ code: 'invalid_key' }));
  });
});

describe('thumbnailKey', () => {
  const identity = { generationId: generationIdAt('2026-11-21T00:00:00Z'), index: 1, sha256: SHA256 };

  it('stands beside its image, and names its own content and size', () => {
    const folder = `images/2026/11/21/${identity.generationId}`;
    expect(thumbnailKey(identity, 256)).toBe(`${folder}/1-abababababababab-256.webp`);
    expect(imageKey({ ...identity, format: 'svg' })).toBe(`${folder}/1-abababababababab.svg`);
    expect(() => assertKey(thumbnailKey(identity, 256))).not.toThrow();
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a side of %d', (side) => {
    expect(() => thumbnailKey(identity, side)).toThrow(expect.objectContaining({ code: 'invalid_key' }));
  });
});

describe('assertKey', () => {
  it.each(['a', 'a/b.webp', 'images/2026/11/21/019aa5f2/0-ab.webp'])('takes %s', (key) => {
    expect(() => assertKey(key)).not.toThrow();
  });

  it.each([
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    '../a',
    'a/../b',
    'a/./b',
    '.incoming/a',
    'a\\b',
    'a\0b',
    'a\n',
    'ä',
    'a?b',
  ])('refuses %j', (key) => {
    expect(() => assertKey(key)).toThrow(expect.objectContaining({ code: 'invalid_key', retryable: false }));
  });

  it('refuses a segment that a file system would refuse', () => {
    expect(() => assertKey('a'.repeat(201))).toThrow(expect.objectContaining({ code: 'invalid_key' }));
  });
});
