import { connectBroker, encode, generationSubject, JetStreamLogReader, provision } from '@darkroom/events';
import { rebuildReadModels } from '@darkroom/read-models';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { execute } from '../../libs/read-models/test/fixture.js';
import { mixedStory } from '../../libs/read-models/test/stories.js';
import { describeSchemas, hashTables } from '../../libs/read-models/test/tables.js';
import type { Launched } from '../stack/launch.js';
import { eventually } from '../support/eventually.js';
import { startNats, type TestNats } from '../support/nats.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { assertBuilt } from './app-process.js';
import { darkroom } from './darkroom.js';
import { scenario, System } from './system.js';

describe('darkroom rebuild of a system at work', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start();
  }, 60_000);
  afterAll(() => system.stop());

  scenario(
    'gives the same tables, while requests and lists go on',
    () => system,
    async () => {
      const env = { NATS_URL: system.nats.url, DATABASE_URL: system.databaseUrl };
      const alice = await system.as('alice');
      const requested: string[] = [];
      const request = async (body: object): Promise<string> => {
        const { id } = await alice.request({ prompt: `image ${requested.length}`, ...body });
        requested.push(id);
        return id;
      };
      for (let n = 0; n < 20; n++) {
        const later = new Date(Date.now() + 3_600_000).toISOString();
        const id = await request(n % 5 === 0 ? { scheduled_at: later, metadata: { n: String(n) } } : {});
        if (n % 10 === 0) await alice.send(`/v1/generations/${id}`, { method: 'DELETE' });
      }

      const rebuilding = darkroom(env, 'rebuild');
      let isOver = false;
      void rebuilding.ended.then(() => (isOver = true));
      let position = 0;
      do {
        const { position: own } = await alice.get(await request({}));
        const answer = await alice.send(`/v1/generations?limit=100&min_position=${own}`);
        expect(answer.status).toBe(200);
        expect(answer.json.position).toBeGreaterThanOrEqual(Math.max(position, own));
        position = answer.json.position;
        expect((answer.json.data as { id: string }[]).map(({ id }) => id).sort()).toEqual([...requested].sort());
      } while (!isOver);
      expect([await rebuilding.ended, rebuilding.output()]).toEqual([
        0,
        expect.stringMatching(/\| done: \d+ events of/),
      ]);

      // At rest: whatever was asked for is over, or scheduled for later.
      await eventually(
        async () => {
          const { json } = await alice.send(`/v1/generations?limit=100&min_position=${(await system.log()).last}`);
          const statuses = new Set((json.data as { status: string }[]).map(({ status }) => status));
          return !['queued', 'processing', 'downloading'].some((status) => statuses.has(status));
        },
        { timeoutMs: 60_000 },
      );
      const before = await hashTables(system.databaseUrl);
      const again = darkroom(env, 'rebuild');
      expect([await again.ended, again.output()]).toEqual([0, expect.stringMatching(/\| done: \d+ events of/)]);
      expect(await hashTables(system.databaseUrl)).toEqual(before);
    },
    180_000,
  );
});

describe('darkroom rebuild', () => {
  let nats: TestNats;
  let database: TestDatabase;
  let env: Record<string, string>;
  let before: Record<string, string>;
  let schemas: string[];

  beforeAll(async () => {
    assertBuilt();
    [nats, database] = await Promise.all([startNats(), createTestDatabase()]);
    env = { NATS_URL: nats.url, DATABASE_URL: database.url };
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    await Promise.all(
      mixedStory(1_000, 61).events.map((event) => {
        const { headers, body } = encode(event);
        return broker.jetstream.publish(generationSubject(event.generationId), body, { headers, timeout: 60_000 });
      }),
    );
    const logger = { log: () => undefined, warn: () => undefined };
    await rebuildReadModels({ url: database.url, reader: new JetStreamLogReader(broker), logger });
    await broker.close();
    [before, schemas] = [await hashTables(database.url), await describeSchemas(database.url)];
  }, 120_000);
  afterAll(async () => {
    await nats.stop();
    await database.drop();
  });

  async function expectUnchanged(): Promise<void> {
    expect(await hashTables(database.url)).toEqual(before);
  }

  const isThere = async (query: string): Promise<boolean> => (await execute(database.url, query)).length > 0;

  const moments: [string, (rebuilding: Launched) => Promise<unknown>][] = [
    [
      'it makes its schema',
      () => eventually(() => isThere(`SELECT FROM pg_namespace WHERE nspname = 'read_model_next'`)),
    ],
    ['it has loaded something', (rebuilding) => rebuilding.prints(/loading/)],
    ['there are rows', () => eventually(() => isThere('SELECT FROM read_model_next.generations LIMIT 1'))],
    ['it makes indexes', (rebuilding) => rebuilding.prints(/indexes/)],
    ['it swaps', (rebuilding) => rebuilding.prints(/swapping/)],
  ];

  it.each(moments)('changes nothing when it is killed as soon as %s', async (_name, moment) => {
    const rebuilding = darkroom(env, 'rebuild');
    await moment(rebuilding);
    rebuilding.child.kill('SIGKILL');
    await rebuilding.ended;
    await expectUnchanged();
  });

  it('cleans up after those that were killed', async () => {
    const rebuilding = darkroom(env, 'rebuild');
    expect([await rebuilding.ended, rebuilding.output()]).toEqual([0, expect.stringMatching(/done: /)]);
    await expectUnchanged();
    expect(await describeSchemas(database.url)).toEqual(schemas);
  });

  it('is refused while another one is at work, which ends on SIGTERM and removes what it made', async () => {
    const reader = new pg.Client({ connectionString: database.url });
    await reader.connect();
    await reader.query('BEGIN; SELECT count(*) FROM read_model.images');
    try {
      const first = darkroom(env, 'rebuild');
      await first.prints(/The swap waits: session \d+ of PostgreSQL/);
      const second = darkroom(env, 'rebuild');
      expect([await second.ended, second.output()]).toEqual([
        1,
        expect.stringMatching(
          /^darkroom: Another rebuild is at work \(darkroom-rebuild \S+ process \d+, session \d+ .*\n$/,
        ),
      ]);
      first.child.kill('SIGTERM');
      expect([await first.ended, first.output()]).toEqual([
        143,
        expect.stringMatching(/stopping, and removing what was made\ndarkroom: ended by SIGTERM\n$/),
      ]);
    } finally {
      await reader.end();
    }
    await expectUnchanged();
    expect(await describeSchemas(database.url)).toEqual(schemas);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['PostgreSQL', { DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/d' }, /^darkroom: PostgreSQL: .*ECONNREFUSED.*\n$/],
    ['NATS', { NATS_URL: 'nats://127.0.0.1:1' }, /^darkroom: NATS does not answer at 127.0.0.1:1 within 10 s.\n$/],
    ['configuration', { NATS_URL: 'http://x' }, /^Bad configuration: NATS_URL: must be .*\n$/],
  ])('says in one line that it lacks %s', async (_name, bad, message) => {
    const rebuilding = darkroom({ ...env, ...bad }, 'rebuild');
    expect([await rebuilding.ended, rebuilding.output()]).toEqual([1, expect.stringMatching(message)]);
  });

  it.each([
    [['--help'], 0, /Commands:\n {2}rebuild /],
    [['rebuild', '--help'], 0, /Usage: darkroom rebuild/],
    [['frobnicate'], 2, /unknown command 'frobnicate'[^]*Commands:\n {2}rebuild /],
    [['rebuild', 'everything'], 2, /too many arguments[^]*Usage: darkroom rebuild/],
    [[], 2, /Commands:\n {2}rebuild /],
  ])('answers %j with exit code %i and help', async (args, code, help) => {
    const command = darkroom({}, ...args);
    expect([await command.ended, command.output()]).toEqual([code, expect.stringMatching(help)]);
  });
});
