import {
  connectBroker,
  JetStreamEventStore,
  JetStreamLogReader,
  provision,
  type Broker,
  type RecordedEvent,
} from '@darkroom/events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { expectProjected, openFixture, SILENT, startProjector, type Fixture } from '../../test/fixture.js';
import { mixedStory } from '../../test/stories.js';
import { hashTables } from '../../test/tables.js';
import { rebuildReadModels } from '../index.js';

describe('rebuildReadModels from JetStream', () => {
  const { events } = mixedStory(2_000, 51);
  let nats: TestNats;
  let broker: Broker;
  let fixture: Fixture;
  let store: JetStreamEventStore;
  let appended = 0;
  const last = new Map<string, number>();

  beforeAll(async () => {
    [nats, fixture] = await Promise.all([startNats(), openFixture()]);
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    store = new JetStreamEventStore(broker);
  });
  afterAll(async () => {
    await Promise.all([broker.close(), fixture.close()]);
    await nats.stop();
  });

  /** Appends the story up to an event, each at its position. */
  async function appendTo(end: number): Promise<void> {
    while (appended < end) {
      const event: RecordedEvent = events[appended]!;
      const position = await store.append(event, last.get(event.generationId) ?? 0);
      expect(position).toBe(event.position);
      last.set(event.generationId, position);
      appended++;
    }
  }

  it('swaps under readers, appends and the live projector: no read fails, goes back or misses anything', async () => {
    await appendTo(8_000);
    const projector = startProjector(fixture, new JetStreamLogReader(broker));
    expect(await fixture.models.positions.waitFor(8_000, 60_000)).toBe(true);

    const ending = new AbortController();
    const appending = (async () => {
      while (!ending.signal.aborted && appended < events.length) await appendTo(appended + 10);
    })();
    let reads = 0;
    const reading = (async () => {
      let position = 0;
      while (!ending.signal.aborted) {
        const page = await fixture.models.generations.list({
          userId: null,
          limit: 100,
          cursor: null,
          now: new Date().toISOString(),
        });
        expect(page.position).toBeGreaterThanOrEqual(position);
        position = page.position;
        // The newest hundred of those that the log had begun by then.
        const begun = events.filter((event) => event.version === 1 && event.position <= position);
        expect(page.rows.map(({ id }) => id)).toEqual(
          begun
            .slice(-100)
            .reverse()
            .map(({ generationId }) => generationId),
        );
        reads++;
      }
    })();

    const rebuilds = [];
    for (let round = 0; round < 3; round++) {
      rebuilds.push(
        await rebuildReadModels({ url: fixture.url, reader: new JetStreamLogReader(broker), logger: SILENT }),
      );
      const { position } = rebuilds.at(-1)!;
      await eventually(() => projector.projector.position >= position || appended >= events.length);
    }
    ending.abort();
    await Promise.all([appending, reading]);
    expect(reads).toBeGreaterThan(10);

    await appendTo(events.length);
    expect(await fixture.models.positions.waitFor(events.length, 30_000)).toBe(true);
    await projector.stop();
    await expectProjected(fixture, events);
    const before = await hashTables(fixture.url);
    await rebuildReadModels({ url: fixture.url, reader: new JetStreamLogReader(broker), logger: SILENT });
    expect(await hashTables(fixture.url)).toEqual(before);
  }, 180_000);

  it('publishes nothing, and leaves no consumer', async () => {
    const state = async () => {
      const { state, config } = await broker.manager.streams.info('EVENTS');
      const consumers = await broker.manager.consumers.list('EVENTS').next();
      return { last: state.last_seq, name: config.name, consumers: consumers.map(({ name }) => name) };
    };
    await eventually(async () => (await state()).consumers.length === 1);
    const before = await state();
    await rebuildReadModels({ url: fixture.url, reader: new JetStreamLogReader(broker), logger: SILENT });
    await eventually(async () => expect(await state()).toEqual(before) === undefined);
  });

  it('ends with a clear error when NATS is killed in the middle', async () => {
    const before = await hashTables(fixture.url);
    let killing: Promise<void> | undefined;
    const onProgress = (): void => void (killing ??= nats.kill9());
    const failing = rebuildReadModels({
      url: fixture.url,
      reader: new JetStreamLogReader(broker),
      logger: SILENT,
      onProgress,
    });
    await expect(failing).rejects.toMatchObject({ kind: 'interrupted', message: expect.stringMatching(/^The log: /) });
    await killing;
    await nats.restart();
    await eventually(() => broker.connected);
    expect(await hashTables(fixture.url)).toEqual(before);
  });
});
