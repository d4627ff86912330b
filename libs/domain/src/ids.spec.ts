import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generationIdFrom, generationIdOfImage, imageIdOf, isGenerationId, isUuidV7 } from './ids.js';

const uuidV7 = fc.uuid({ version: 7 });

describe('ids', () => {
  it('know a version 7 UUID in its canonical form', () => {
    expect(isUuidV7('0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e1f')).toBe(true);
    for (const other of [
      '0198c5f0-7d8e-4cc0-a111-5b2f3d9c4e1f',
      '0198c5f0-7d8e-7cc0-c111-5b2f3d9c4e1f',
      '0198C5F0-7D8E-7CC0-A111-5B2F3D9C4E1F',
      ' 0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e1f',
      '0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e1f\n',
      '',
    ]) {
      expect(isUuidV7(other)).toBe(false);
    }
  });

  it('lead from each of 15 images back to their generation', () => {
    fc.assert(
      fc.property(uuidV7, fc.integer({ min: 0, max: 14 }), (uuid, index) => {
        const id = generationIdFrom(uuid);
        const imageId = imageIdOf(id, index);
        expect(isGenerationId(id)).toBe(true);
        expect(isUuidV7(imageId)).toBe(true);
        expect(isGenerationId(imageId)).toBe(false);
        expect(generationIdOfImage(imageId)).toBe(id);
      }),
    );
  });

  it('tell the images of a generation apart', () => {
    const id = generationIdFrom('0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e1f');
    expect(new Set(Array.from({ length: 15 }, (_, index) => imageIdOf(id, index))).size).toBe(15);
  });

  it.each([-1, 15, 0.5, Number.NaN])('have no image at index %d', (index) => {
    expect(() => imageIdOf('0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e10', index)).toThrow(RangeError);
  });

  it('are no images of a generation otherwise', () => {
    expect(generationIdOfImage('0198c5f0-7d8e-7cc0-a111-5b2f3d9c4e10')).toBeNull();
    expect(generationIdOfImage('not an id')).toBeNull();
  });
});
