import type { RecordedEvent } from '@darkroom/events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../../../../test/support/eventually.js';
import {
  execute,
  expectProjected,
  openFixture,
  projectAll,
  SILENT,
  startProjector,
  type Fixture,
} from '../../test/fixture.js';
import { MemoryLog } from '../../test/memory-log.js';
import { mixedStory } from '../../test/stories.js';
import { describeSchemas, hashTables } from '../../test/tables.js';
import { rebuildReadModels, type RebuildOptions, type RebuildReport } from '../index.js';

describe('rebuildReadModels', () => {
  let fixture: Fixture;
  let clients: pg.Client[];
  beforeEach(async () => {
    fixture = await openFixture();
    clients = [];
  });
  afterEach(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await fixture.close();
  });

  const rebuild = (reader: MemoryLog, options: Partial<RebuildOptions> = {}): Promise<RebuildReport> =>
    rebuildReadModels({ url: fixture.url, reader, logger: SILENT, ...options });

  /** A session as of one of our apps, or of anybody. */
  async function session(name = 'darkroom'): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: fixture.url, application_name: name });
    clients.push(client);
    await client.connect();
    return client;
  }

  /** Fails with its reason at the given phase of a rebuild, and tells what has become of the tables. */
  async function expectUnchanged(failing: () => Promise<unknown>): Promise<void> {
    const [before, schemas] = [await hashTables(fixture.url), await describeSchemas(fixture.url)];
    await failing();
    expect(await hashTables(fixture.url)).toEqual(before);
    expect(await describeSchemas(fixture.url)).toEqual(schemas);
  }

  it('gives the same tables row for row for 2,000 generations of every kind, and the same schema', async () => {
    const { events } = mixedStory(2_000, 31);
    const log = new MemoryLog('log', events);
    await projectAll(fixture, log);
    await expectUnchanged(async () => {
      const report = await rebuild(log);
      expect(report).toMatchObject({
        events: events.length,
        generations: 2_000,
        position: log.last,
        schema: 'read_model',
      });
      expect(report.eventsPerSecond).toBeCloseTo(events.length / report.seconds);
    });
    await expectProjected(fixture, events);
  });

  it.each([1, 200_000])('gives the same with room for %i bytes of states', async (cacheBytes) => {
    const { events } = mixedStory(300, 32);
    const log = new MemoryLog('log', events);
    await rebuild(log, { cacheBytes });
    await expectProjected(fixture, events);
  });

  it('makes tables where there are none, of a log without events too', async () => {
    await execute(fixture.url, 'DROP SCHEMA read_model CASCADE');
    const log = new MemoryLog('log');
    expect(await rebuild(log)).toMatchObject({ events: 0, generations: 0, position: 0 });
    const { events } = mixedStory(20, 33);
    log.append(...events);
    await projectAll(fixture, log);
    await expectProjected(fixture, events);
  });

  it('projects what is appended while it runs', async () => {
    const { events } = mixedStory(400, 34);
    const log = new MemoryLog('log', events.slice(0, 500));
    const phases = new Set<string>();
    await rebuild(log, {
      onProgress({ phase }) {
        if (phases.has(phase)) return;
        phases.add(phase);
        log.append(...events.slice(log.last, log.last + 100));
      },
    });
    expect([...phases]).toEqual(['loading', 'indexing', 'swapping']);
    await expectProjected(fixture, events.slice(0, 800));
  });

  it('lets a projector at work go on at once', async () => {
    const { events } = mixedStory(400, 35);
    const log = new MemoryLog('log', events.slice(0, 1_000));
    const running = startProjector(fixture, log, { standbyMs: 60_000 });
    const behind = new MemoryLog('log', log.events);
    expect(await fixture.models.positions.waitFor(log.last, 10_000)).toBe(true);
    await rebuild(behind, {
      onProgress: ({ phase }) => void (phase === 'swapping' && behind.append(...events.slice(1_000, 1_100))),
    });
    log.append(...events.slice(1_100));
    expect(await fixture.models.positions.waitFor(events.length, 3_000)).toBe(true);
    await running.stop();
    await expectProjected(fixture, events);
  });

  describe('is the remedy for', () => {
    const { events } = mixedStory(60, 36);

    it.each([
      ['another log', new MemoryLog('other', events.slice(0, 200)), /log log; .* log other/],
      ['a log that lost its end', new MemoryLog('log', events.slice(0, 200)), /it ends at 200/],
      ['a log that was emptied', new MemoryLog('log'), /it ends at 0/],
    ])('%s', async (_name, log, warning) => {
      await projectAll(fixture, new MemoryLog('log', events));
      const warnings: string[] = [];
      await rebuild(log, { logger: { log: () => undefined, warn: (line: string) => warnings.push(line) } });
      expect(warnings).toEqual([expect.stringMatching(warning)]);
      await expectProjected(fixture, log.events);
      await projectAll(fixture, log);
    });
  });

  describe('leaves the live tables as they are', () => {
    const { events } = mixedStory(200, 37);
    const log = new MemoryLog('log', events);
    beforeEach(() => projectAll(fixture, log));

    it.each(['loading', 'indexing', 'swapping'])('when it is ended while %s', (at) =>
      expectUnchanged(async () => {
        const abort = new AbortController();
        const onProgress = ({ phase }: { phase: string }): void =>
          void (phase === at && abort.abort(new Error('enough')));
        await expect(rebuild(log, { signal: abort.signal, onProgress })).rejects.toThrow('enough');
      }),
    );

    const misfit = events.findIndex((event) => event.version === 2);
    it.each<[string, RecordedEvent[], RegExp]>([
      [
        'does not fit',
        events.toSpliced(misfit, 1),
        /The event at position \d+ .* cannot be projected: its version is 3/,
      ],
      [
        'Postgres refuses',
        events.map((event) =>
          event.generationId === events[0]!.generationId ? { ...event, generationId: 'x' } : event,
        ),
        /PostgreSQL refuses row x, as it is after position \d+, of generations: /,
      ],
    ])('when an event %s', (_name, poisoned, message) =>
      expectUnchanged(async () => {
        const failing = rebuild(new MemoryLog('log', poisoned));
        await expect(failing).rejects.toMatchObject({ kind: 'poison_event', message: expect.stringMatching(message) });
      }),
    );

    it('when the log lacks its beginning', () =>
      expectUnchanged(() =>
        expect(rebuild(new MemoryLog('log', events.slice(5)))).rejects.toMatchObject({ kind: 'log_truncated' }),
      ));

    it('when the log goes away in the middle', () =>
      expectUnchanged(async () => {
        const failing = new MemoryLog('log', events);
        const onProgress = (): void => void (failing.down = true);
        await expect(rebuild(failing, { onProgress })).rejects.toMatchObject({
          kind: 'interrupted',
          message: 'The log: The log is away',
        });
      }));

    it('when another release has migrated them further', () =>
      expectUnchanged(async () => {
        await execute(fixture.url, `INSERT INTO read_model.migrations (name) VALUES ('0099-later')`);
        await expect(rebuild(log)).rejects.toMatchObject({
          kind: 'newer_tables',
          message: expect.stringContaining('0099-later'),
        });
        await execute(fixture.url, `DELETE FROM read_model.migrations WHERE name = '0099-later'`);
      }));

    it('when somebody has a view on them', () =>
      expectUnchanged(async () => {
        await execute(fixture.url, 'CREATE VIEW public.board AS SELECT status FROM read_model.generations');
        await expect(rebuild(log)).rejects.toMatchObject({
          kind: 'foreign_objects',
          message: expect.stringContaining('board'),
        });
      }));

    it('while another one is at work, which it names', async () => {
      const slow = new MemoryLog('log', events);
      let second: Promise<void> | undefined;
      let refused = false;
      const onProgress = (): void => {
        second ??= expect(rebuild(log)).rejects.toMatchObject({
          kind: 'already_running',
          message: expect.stringMatching(
            new RegExp(`^Another rebuild is at work \\(darkroom-rebuild \\S+ process ${process.pid}, session \\d+ `),
          ),
        });
        void second.then(() => (refused = true));
      };
      const held: MemoryLog = Object.assign(Object.create(slow) as MemoryLog, {
        async *read(after: number, options: { signal: AbortSignal }) {
          for await (const batch of slow.read(after, { ...options, maxBatch: 50 })) {
            yield batch;
            await eventually(() => refused, { timeoutMs: 20_000 });
          }
        },
      });
      await rebuild(held, { onProgress });
      await second;
      await expectProjected(fixture, events);
    });
  });

  it('removes what a killed one left, and keeps privileges', async () => {
    const { events } = mixedStory(20, 38);
    await execute(fixture.url, 'CREATE SCHEMA read_model_next; CREATE TABLE read_model_next.generations (id int)');
    const role = `board_${process.pid}`;
    await execute(
      fixture.url,
      `CREATE ROLE ${role}; GRANT USAGE ON SCHEMA read_model TO ${role};
       GRANT SELECT ON read_model.generations TO ${role}`,
    );
    try {
      await rebuild(new MemoryLog('log', events));
      await execute(fixture.url, `SET ROLE ${role}; SELECT count(*) FROM read_model.generations`);
      await expect(execute(fixture.url, `SET ROLE ${role}; SELECT count(*) FROM read_model.images`)).rejects.toThrow();
    } finally {
      await execute(fixture.url, `DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
    await expectProjected(fixture, events);
  });

  describe('waits with the swap', () => {
    const { events } = mixedStory(100, 39);
    const log = new MemoryLog('log', events);

    async function expectWaiting(hold: string, name: string): Promise<void> {
      await projectAll(fixture, log);
      const holder = await session(name);
      await holder.query(hold);
      const warnings: string[] = [];
      const logger = { log: () => undefined, warn: (line: string) => warnings.push(line) };
      const rebuilding = rebuild(log, { logger });
      await eventually(() => warnings.length > 0);
      expect(warnings[0]).toMatch(new RegExp(`^The swap waits: session \\d+ of PostgreSQL \\(${name}, idle in trans`));

      // Others read on, and are not held up for longer than an attempt takes.
      for (let round = 0; round < 20; round++) {
        const began = performance.now();
        const page = { userId: null, limit: 50, cursor: null, now: '2026-01-01T00:00:00.000Z' };
        const { rows, position } = await fixture.models.generations.list(page);
        expect([rows.length, position]).toEqual([50, log.last]);
        expect(performance.now() - began).toBeLessThan(2_000);
      }
      const seen = await holder.query<{ count: string }>('SELECT count(*) FROM read_model.generations');
      expect(seen.rows).toEqual([{ count: '100' }]);
      await holder.query('COMMIT');
      await rebuilding;
      await expectProjected(fixture, events);
    }

    it('for a reader that takes long, without holding up others', () =>
      expectWaiting('BEGIN; SELECT count(*) FROM read_model.generations', 'psql'));

    it('for a reader of ours whose snapshot is older than the new tables', () =>
      expectWaiting('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1', 'darkroom'));

    it('for a projector in the midst of a batch', () =>
      expectWaiting('BEGIN; UPDATE read_model.projection_checkpoint SET position = position', 'darkroom'));
  });
});
