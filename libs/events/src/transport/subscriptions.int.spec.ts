import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generationIdFrom, type EventType } from '@darkroom/domain';
import { DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { headers as noHeaders } from '@nats-io/nats-core';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { startNats, type TestNats } from '../../../../test/support/nats.js';
import { connectBroker, type Broker } from '../connect.js';
import { provision } from '../provision.js';
import { EVENTS_STREAM, generationSubject } from '../subjects.js';
import { asksForWork, endsGeneration } from '../work-for.js';
import { SUBSCRIPTIONS } from './subscriptions.js';

const FIXTURES = join(import.meta.dirname, '../fixtures');

interface Fixture {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

const fixtures = readdirSync(FIXTURES).map((name) => JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')) as Fixture);
const created = fixtures.find(({ headers }) => headers['ce-type']?.includes('prediction-created'))!;

describe('facts', () => {
  let nats: TestNats;
  let broker: Broker;
  beforeAll(async () => {
    nats = await startNats();
    broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
  });
  afterAll(async () => {
    await broker.close();
    await nats.stop();
  });

  /** As the dispatcher's consumer delivers them. */
  async function deliver(facts: readonly Fixture[]): Promise<JsMsg[]> {
    const { last_seq: before } = (await broker.manager.streams.info(EVENTS_STREAM)).state;
    for (const { headers, body } of facts) {
      const all = noHeaders();
      for (const [name, value] of Object.entries(headers)) all.set(name, value);
      const subject = generationSubject(generationIdFrom(uuidv7()));
      await broker.jetstream.publish(subject, JSON.stringify(body), { headers: all });
    }
    const consumer = await broker.jetstream.consumers.get(EVENTS_STREAM, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: before + 1,
    });
    const messages: JsMsg[] = [];
    for await (const message of await consumer.fetch({ max_messages: facts.length })) messages.push(message);
    return messages;
  }

  it('are done without a handler only if it would do nothing', async () => {
    const adopted = { ...created, body: { ...created.body, adopted: true } };
    const misleading = { ...adopted, body: { ...adopted.body, prediction_id: '"adopted":false' } };
    const messages = await deliver([...fixtures, adopted, misleading]);
    expect(messages).toHaveLength(fixtures.length + 2);
    const done: EventType[] = [];
    for (const message of messages) {
      const event = SUBSCRIPTIONS.facts.decode(message);
      if (!SUBSCRIPTIONS.facts.isDone(message)) continue;
      expect(asksForWork(event) || endsGeneration(event)).toBe(false);
      done.push(event.type);
    }
    // In its newest form each: an older one takes the longer way.
    expect(done.sort()).toEqual(['AttemptStarted', 'PredictionCreated']);
  });

  it('are left to the handler when they cannot be read', async () => {
    const unreadable = [
      { ...created, headers: {} },
      { ...created, headers: { ...created.headers, 'ce-type': 'darkroom.generation.prediction-created.v99' } },
      { ...created, body: {} },
    ];
    for (const message of await deliver(unreadable)) expect(SUBSCRIPTIONS.facts.isDone(message)).toBe(false);
  });
});
