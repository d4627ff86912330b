import { describe, expect, it } from '@jest/globals';
import { projectedSteps } from '../../test/projected.js';
import { Story } from '../../test/stories.js';
import { imagesOf } from './images.projection.js';

describe('imagesOf', () => {
  it('brings the images of a download, with their owner', () => {
    const story = new Story();
    const id = story.requested(1);
    for (let step = 1; step <= 5; step++) story.advance(id, step);
    const all = projectedSteps(story);
    const last = all.at(-1)!;
    expect(all.slice(0, -1).flatMap(({ event, row }) => imagesOf(event, row))).toEqual([]);
    expect(imagesOf(last.event, last.row)).toEqual(
      last.row.state.images.map((image) => ({
        ...image,
        generation_id: id,
        user_id: 'user-1',
        model_id: 'acme/fast',
        created_at: last.event.time,
        position: 6,
      })),
    );
  });
});
