import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

describe('Turns', () => {
  it('takes together, in their order, what comes while a turn is taken; other keys do not wait', async () => {
    const taken: string[] = [];
    let goOn = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (goOn = resolve));
    const turns = new Turns<number>(async (key, changes) => {
      taken.push(`${key}${changes.join('')}`);
      if (key === 'a' && changes.includes(1)) await stopped;
    });
    const first = turns.take('a', 1);
    await turns.take('b', 1);
    expect(taken).toEqual(['a1', 'b1']);
    const rest = [turns.take('a', 2), turns.take('a', 3), turns.take('a', 4)];
    goOn();
    await Promise.all([first, ...rest]);
    expect(taken).toEqual(['a1', 'b1', 'a234']);
    await turns.take('a', 5);
    expect(taken.at(-1)).toBe('a5');
  });

  it('takes together what comes at once', async () => {
    const taken: (readonly number[])[] = [];
    const turns = new Turns<number>((_key, changes) => {
      taken.push(changes);
      return Promise.resolve();
    });
    await Promise.all([1, 2, 3].map((change) => turns.take('a', change)));
    expect(taken).toEqual([[1, 2, 3]]);
  });

  it('fails those whose turn fails, and nobody else', async () => {
    let two: Promise<void> | undefined;
    const turns = new Turns<number>((_key, changes) => {
      if (!changes.includes(1)) return Promise.resolve();
      two = turns.take('a', 2);
      return Promise.reject(new Error('one'));
    });
    await expect(turns.take('a', 1)).rejects.toThrow('one');
    await expect(two).resolves.toBeUndefined();
  });
});
