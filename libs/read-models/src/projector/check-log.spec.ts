import { describe, expect, it } from '@jest/globals';
import { checkLog } from './check-log.js';

const log = { id: 'a', first: 1, last: 10 };

describe('checkLog', () => {
  it.each([
    ['the start', log, 0],
    ['the middle', log, 5],
    ['the end', log, 10],
    ['an empty log', { id: 'a', first: 1, last: 0 }, 0],
    ['a log whose projected part was archived', { ...log, first: 6 }, 5],
    ['a log that was archived whole', { ...log, first: 11 }, 10],
  ])('goes on from %s', (_name, identity, position) => {
    expect(() => checkLog(identity, { logId: 'a', position })).not.toThrow();
  });

  it.each([
    ['log_mismatch', log, { logId: 'b', position: 5 }, /log b.*log a/],
    ['log_shorter', log, { logId: 'a', position: 11 }, /position 10.*up to 11/],
    ['log_truncated', { ...log, first: 7 }, { logId: 'a', position: 5 }, /position 7.*from 6/],
    ['log_truncated', { ...log, first: 2 }, { logId: 'a', position: 0 }, /position 2.*from 1/],
  ])('refuses by %s', (kind, identity, checkpoint, message) => {
    expect(() => checkLog(identity, checkpoint)).toThrow(
      expect.objectContaining({ kind, message: expect.stringMatching(message) }),
    );
  });
});
