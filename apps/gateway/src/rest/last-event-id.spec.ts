import { describe, expect, it } from '@jest/globals';
import { lastEventIdOf } from './last-event-id.js';

describe('Last-Event-ID', () => {
  it.each([
    [undefined, null],
    ['0', 0],
    ['17', 17],
    ['999999999999999', 999_999_999_999_999],
  ])('%p is %p', (header, position) => {
    expect(lastEventIdOf(header)).toBe(position);
  });

  it.each(['', ' ', '-1', '1.5', '1e3', '0x1', 'last', '1000000000000000', '１'])('%p is refused', (header) => {
    expect(() => lastEventIdOf(header)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        more: { fields: [expect.objectContaining({ field: 'Last-Event-ID' })] },
      }),
    );
  });
});
