import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFixture, projectAll, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { mixedStory } from '../../test/stories.js';
import { migrateReadModels } from './migrate.js';

describe('rows of a release that knew nothing of sources', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await openFixture();
  });
  afterAll(() => fixture.close());

  it('are after the migration what this release would have written', async () => {
    await projectAll(fixture, new MemoryLog('log', mixedStory(60, 4).events));
    const states = () =>
      fixture.query<{ state: { current: object | null; images: object[] } }>(
        'SELECT state FROM read_model.generations ORDER BY id',
      );
    const written = await states();
    // Of every kind: in hand, with images, without either.
    expect(written.some(({ state }) => state.current && state.images.length === 0)).toBe(true);
    expect(written.some(({ state }) => state.images.length > 1)).toBe(true);

    await fixture.query(`
      UPDATE read_model.generations SET state = (
        (state::jsonb #- '{request,input,source_image_id}' #- '{request,input,reference_image_urls}'
          #- '{current,sentImages}' #- '{unresolved,sentImages}' #- '{images,0,thumbnails}' #- '{images,1,thumbnails}')
      )::json`);
    await fixture.query(`DELETE FROM read_model.migrations WHERE name = '0004-sources'`);
    expect(await states()).not.toEqual(written);
    await migrateReadModels({ url: fixture.url });
    expect(await states()).toEqual(written);

    // Once more, over rows that have it all.
    await fixture.query(`DELETE FROM read_model.migrations WHERE name = '0004-sources'`);
    await migrateReadModels({ url: fixture.url });
    expect(await states()).toEqual(written);
  });
});
