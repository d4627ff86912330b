import { fold } from '@darkroom/domain';
import { describe, expect, it } from '@jest/globals';
import { Story } from '../../test/stories.js';
import { projectGeneration, type GenerationRow } from './generations.projection.js';

describe('projectGeneration', () => {
  const story = new Story();
  const id = story.requested(1);
  story.advance(id, 1);
  story.act(id, { type: 'Cancel', by: 'user', reason: null });

  it('folds events as the domain does, one at a time', () => {
    const row = story.events.reduce<GenerationRow | null>((before, event) => projectGeneration(before, event), null);
    expect(row).toEqual({ id, state: fold(story.events), position: 3 });
  });

  it('refuses an event out of its turn', () => {
    const [first, second, third] = story.events as [never, never, never];
    const row = projectGeneration(null, first);
    expect(() => projectGeneration(row, first)).toThrow('its version is 1, the row waits for version 2');
    expect(() => projectGeneration(row, third)).toThrow('its version is 3, the row waits for version 2');
    expect(() => projectGeneration(null, second)).toThrow('the row waits for version 1');
  });
});
