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
    await Promise.resolve();
    await Promise.resolve();
    await turns.take('b', 1);
    expect(taken).toEqual(['a1', 'b1']);
    const rest = [turns.take('a', 2), turns.take('a', 3), turns.take('a', 4)];
    goOn();
    await Promise.all([first, ...rest]);
    expect(taken).toEqual(['a1', 'b1', 'a234']);
    await turns.take('a', 5);
    expect(taken.at(-1)).toBe('a5');
  });

  it('fails those whose turn fails, and nobody else', async () => {
    const turns = new Turns<number>(async (_key, changes) => {
      await Promise.resolve();
      if (changes.includes(1)) throw new Error('one');
    });
    const one = turns.take('a', 1);
    const refused = expect(one).rejects.toThrow('one');
    await Promise.resolve();
    await Promise.resolve();
    const two = turns.take('a', 2);
    await refused;
    await expect(two).resolves.toBeUndefined();
  });
});
