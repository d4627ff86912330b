import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { storableJson, storableText } from './storable.js';

describe('storable', () => {
  it('replaces what PostgreSQL refuses, in values and keys', () => {
    const value = { 'a\0b': ['\0', 'x\ud800y', '\udc00'], plain: 'ü😀\n"\\' };
    expect(JSON.parse(storableJson(value))).toEqual({
      'a\uFFFDb': ['\uFFFD', 'x\uFFFDy', '\uFFFD'],
      plain: 'ü😀\n"\\',
    });
    expect(storableText('\0x\ud800')).toBe('\uFFFDx\uFFFD');
  });

  it('leaves the text of an escape alone', () => {
    const value = ['\\u0000', '\\\\u0000', '\\ud800', '\\\0'];
    expect(JSON.parse(storableJson(value))).toEqual(['\\u0000', '\\\\u0000', '\\ud800', '\\\uFFFD']);
  });

  it('does to JSON what it does to text, for any text', () => {
    const nasty = fc.string({ unit: fc.constantFrom('\0', '\\', 'u', '0', '"', '\ud83d', '\ude00', 'd800', '\n') });
    fc.assert(fc.property(nasty, (text) => expect(JSON.parse(storableJson(text))).toBe(storableText(text))));
  });
});
