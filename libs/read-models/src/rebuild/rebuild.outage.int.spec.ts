import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.js';
import { expectProjected, openFixture, projectAll, SILENT, type Fixture } from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { mixedStory } from '../../test/stories.js';
import { hashTables } from '../../test/tables.js';
import { rebuildReadModels, type RebuildPhase } from '../index.js';

describe('rebuildReadModels and a Postgres that goes away', () => {
  const { events } = mixedStory(300, 41);
  const log = new MemoryLog('log', events);
  let postgres: TestPostgres;
  let fixture: Fixture;
  beforeAll(async () => {
    postgres = await startPostgres();
    fixture = await openFixture({ url: postgres.url });
    await projectAll(fixture, log);
  });
  afterAll(async () => {
    await fixture.close();
    await postgres.remove();
  });

  it.each<RebuildPhase>(['loading', 'indexing', 'swapping'])(
    'ends with a clear error when it is killed while %s; the next one cleans up',
    async (at) => {
      const before = await hashTables(postgres.url);
      let killing: Promise<void> | undefined;
      const killed = rebuildReadModels({
        url: postgres.url,
        reader: log,
        logger: SILENT,
        onProgress: ({ phase }) => void (phase === at && (killing ??= postgres.kill9())),
      });
      await expect(killed).rejects.toMatchObject({
        kind: 'interrupted',
        message: expect.stringMatching(/PostgreSQL/),
      });
      await killing;
      await postgres.start();
      expect(await hashTables(postgres.url)).toEqual(before);

      await rebuildReadModels({ url: postgres.url, reader: log, logger: SILENT });
      await expectProjected(fixture, events);
    },
  );

  it('says so when it is not there at all', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/none';
    await expect(rebuildReadModels({ url, reader: log, logger: SILENT })).rejects.toMatchObject({
      kind: 'interrupted',
      message: expect.stringMatching(/^PostgreSQL: .*ECONNREFUSED/),
    });
  });
});
