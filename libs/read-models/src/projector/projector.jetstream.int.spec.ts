import {
  CommandRunner,
  connectBroker,
  JetStreamEventStore,
  JetStreamLogReader,
  provision,
  type Broker,
  type RecordedEvent,
} from '@darkroom/events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../../../../test/support/eventually.js';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { expectProjected, openFixture, startProjector, type Fixture } from '../../test/fixture.js';
import { generationId, request } from '../../test/stories.js';

let nats: TestNats;
let broker: Broker;
let fixture: Fixture;
beforeAll(async () => {
  [nats, fixture] = await Promise.all([startNats(), openFixture()]);
  broker = await connectBroker({ servers: [nats.url], name: 'test' });
  await provision(broker, { replicas: 1 });
});
afterAll(async () => {
  await Promise.all([broker.close(), fixture.close()]);
  await nats.stop();
});

it('projects what is appended to JetStream, through a kill of the server', async () => {
  const recorded: RecordedEvent[] = [];
  const onAppended = (event: RecordedEvent) => recorded.push(event);
  const runner = new CommandRunner(new JetStreamEventStore(broker), { source: '/darkroom/test', onAppended });
  const accept = async (from: number, to: number) => {
    for (let n = from; n < to; n++) {
      const at = new Date().toISOString();
      await runner.execute(generationId(n), { type: 'Request', commandId: `request-${n}`, at, request: request() });
      if (n % 3 === 0) {
        const cancel = { type: 'Cancel', commandId: `cancel-${n}`, at, by: 'user-1', reason: null } as const;
        await runner.execute(generationId(n), cancel);
      }
    }
  };

  const running = startProjector(fixture, new JetStreamLogReader(broker));
  await accept(0, 60);
  expect(await fixture.models.positions.waitFor(recorded.at(-1)!.position, 10_000)).toBe(true);
  await nats.kill9();
  await eventually(() => !broker.connected);
  await nats.restart();
  await eventually(() => broker.connected);
  await accept(60, 120);
  expect(await fixture.models.positions.waitFor(recorded.at(-1)!.position, 20_000)).toBe(true);
  await running.stop();
  await expectProjected(fixture, recorded);
});
