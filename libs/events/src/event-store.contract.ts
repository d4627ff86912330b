import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fold, generationIdFrom, type Command, type EventData } from '@darkroom/domain';
import { v7 as uuidv7 } from 'uuid';
import { EventStoreError, type EventStore, type NewEvent, type Position } from './event-store.js';
import { CommandRunner } from './execute.js';
import { MAX_EVENT_BYTES } from './topology.js';

export interface StoreUnderTest {
  readonly store: EventStore;
  /** Ends the server and starts it again on the same data; nothing to do for a store without one. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const NOW = '2026-01-02T03:04:05.678Z';

export function exampleRequest(
  overrides: Partial<EventData['GenerationRequested']> = {},
): EventData['GenerationRequested'] {
  return {
    user_id: 'user-1',
    model_id: 'black-forest-labs/flux-schnell',
    input: {
      prompt: 'a lighthouse at night, „Öl auf Leinwand“ 🌊',
      negative_prompt: null,
      width: null,
      height: null,
      aspect_ratio: '1:1',
      num_inference_steps: null,
      guidance_scale: null,
      seed: 0,
      num_outputs: 1,
      output_format: 'webp',
      source_image_url: null,
      source_image_id: null,
      reference_image_urls: [],
      strength: null,
      style: null,
      model_options: {},
    },
    provider_input: { prompt: 'a lighthouse at night', seed: 0 },
    provider_version: null,
    priority: 0,
    lane: 'normal',
    max_attempts: 3,
    scheduled_at: null,
    deadline: null,
    concurrency_limit: null,
    webhook: null,
    metadata: { order: '42' },
    request_hash: 'abc',
    estimated_cost_usd: 0.003,
    warnings: [],
    batch_id: null,
    ...overrides,
  };
}

export function exampleEvent(generationId: string, overrides: Partial<NewEvent> = {}): NewEvent {
  return {
    type: 'GenerationRequested',
    data: exampleRequest(),
    id: uuidv7(),
    generationId,
    version: 1,
    commandId: uuidv7(),
    source: '/darkroom/test',
    time: NOW,
    userId: 'user-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    ...overrides,
  };
}

function request(commandId = uuidv7()): Command {
  return { type: 'Request', commandId, at: NOW, request: exampleRequest() };
}

const newId = (): string => generationIdFrom(uuidv7());

/** Does what it is asked and then loses the answer, as a broken connection would. */
class AnswerLost implements EventStore {
  constructor(
    private readonly inner: EventStore,
    private losses: number,
  ) {}

  load(generationId: string) {
    return this.inner.load(generationId);
  }

  async append(event: NewEvent, expected: Position): Promise<Position> {
    const position = await this.inner.append(event, expected);
    if (this.losses-- > 0) throw new EventStoreError('unknown', 'the answer was lost');
    return position;
  }
}

const startAttempt = (): Command => ({
  type: 'StartAttempt',
  commandId: uuidv7(),
  at: NOW,
  stage: 'generate',
  worker: 'worker-1',
  deadline: null,
});

const kindOf = (error: unknown): unknown => (error instanceof EventStoreError ? error.kind : error);

/** What every event store must do; run on memory and on a real JetStream. */
export function eventStoreContract(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`${name}: event store contract`, () => {
    let subject: StoreUnderTest;
    let store: EventStore;
    const runner = (over: EventStore = store, onConflict?: () => void) =>
      new CommandRunner(over, { source: '/darkroom/test', onConflict });

    beforeAll(async () => {
      subject = await start();
      store = subject.store;
    });
    afterAll(() => subject.close());

    it('has nothing for a generation that nobody asked for', async () => {
      expect(await store.load(newId())).toEqual({ events: [], position: 0 });
    });

    it('gives back what was appended, whole and in order', async () => {
      const id = newId();
      const first = exampleEvent(id);
      const second = exampleEvent(id, {
        type: 'Cancelled',
        data: { by: 'user-1', reason: null },
        version: 2,
        traceparent: null,
      });
      const at = await store.append(first, 0);
      const then = await store.append(second, at);
      expect(then).toBeGreaterThan(at);
      expect(await store.load(id)).toEqual({
        events: [
          { ...first, position: at },
          { ...second, position: then },
        ],
        position: then,
      });
    });

    it('keeps generations apart, and their positions in one order', async () => {
      const [a, b] = [newId(), newId()];
      const positionA = await store.append(exampleEvent(a), 0);
      const positionB = await store.append(exampleEvent(b), 0);
      expect(positionB).toBeGreaterThan(positionA);
      expect((await store.load(a)).events).toHaveLength(1);
      expect((await store.load(b)).events).toHaveLength(1);
    });

    it('refuses an append over somebody else’s, and writes nothing', async () => {
      const id = newId();
      const position = await store.append(exampleEvent(id), 0);
      for (const expected of [0, position - 1, position + 1]) {
        const refused = await store.append(exampleEvent(id), expected).catch(kindOf);
        // A position that is given to nobody yet, or to another generation, is as wrong as a stale one.
        expect(refused).toBe(expected === position ? undefined : 'conflict');
      }
      expect((await store.load(id)).position).toBe(position);
    });

    it('takes the same event once, however often it is sent', async () => {
      const id = newId();
      const event = exampleEvent(id);
      const position = await store.append(event, 0);
      expect(await store.append(event, 0).catch(kindOf)).toBe('conflict');
      expect(await store.append(event, position).catch(kindOf)).toBe('conflict');
      expect((await store.load(id)).events).toHaveLength(1);
    });

    it('takes many events at once, each at a place of its own', async () => {
      const ids = Array.from({ length: 500 }, newId);
      const positions = await Promise.all(ids.map((id) => store.append(exampleEvent(id), 0)));
      expect(new Set(positions).size).toBe(ids.length);
      const loaded = await Promise.all(ids.map((id) => store.load(id)));
      expect(loaded.map(({ position }) => position)).toEqual(positions);
      expect(loaded.map(({ events }) => events.map(({ generationId }) => generationId))).toEqual(ids.map((id) => [id]));
    });

    it('refuses of many events at once only those that are to be refused', async () => {
      const [taken, sentTwice] = [newId(), newId()];
      await store.append(exampleEvent(taken), 0);
      const repeated = exampleEvent(sentTwice);
      const large = exampleEvent(newId(), {
        data: exampleRequest({ provider_input: { prompt: 'x'.repeat(MAX_EVENT_BYTES + 1) } }),
      });
      const good = Array.from({ length: 200 }, () => exampleEvent(newId()));
      const append = (event: NewEvent) => store.append(event, 0).catch(kindOf);
      const all = Promise.all(good.slice(0, 100).map(append));
      const [stale, first, again, tooLarge] = await Promise.all(
        [exampleEvent(taken), repeated, repeated, large].map(append),
      );
      const rest = await Promise.all(good.slice(100).map(append));
      expect(stale).toBe('conflict');
      expect(tooLarge).toBe('too_large');
      expect([first, again].filter((outcome) => outcome === 'conflict')).toHaveLength(1);
      expect([...(await all), ...rest]).toEqual(good.map(() => expect.any(Number)));
      for (const id of [taken, sentTwice, ...good.map(({ generationId }) => generationId)]) {
        expect((await store.load(id)).events).toHaveLength(1);
      }
    });

    it('refuses an event above the size limit, and goes on', async () => {
      const id = newId();
      const prompt = 'x'.repeat(MAX_EVENT_BYTES + 1);
      const large = exampleEvent(id, {
        data: exampleRequest({ provider_input: { prompt } }),
      });
      expect(await store.append(large, 0).catch(kindOf)).toBe('too_large');
      expect((await store.load(id)).events).toHaveLength(0);
      expect(await store.append(exampleEvent(id), 0)).toBeGreaterThan(0);
    });

    it('takes an event of exactly the size limit', async () => {
      const id = newId();
      const empty = exampleEvent(id, { data: exampleRequest({ provider_input: { p: '' } }) });
      const room = MAX_EVENT_BYTES - new TextEncoder().encode(JSON.stringify(empty.data)).length;
      const data = exampleRequest({ provider_input: { p: 'x'.repeat(room) } });
      await store.append(exampleEvent(id, { data }), 0);
      expect((await store.load(id)).events[0]?.data).toEqual(data);
    });

    it('finds its own event when the answer was lost', async () => {
      const id = newId();
      const outcome = await runner(new AnswerLost(store, 1)).execute(id, request());
      expect(outcome).toMatchObject({ kind: 'done', event: null, state: { status: 'queued', version: 1 } });
      expect((await store.load(id)).events).toHaveLength(1);
    });

    it('says that the outcome is unknown when the answer was lost and the log cannot be read', async () => {
      const id = newId();
      const lossy = new AnswerLost(store, 1);
      const away = Object.assign(Object.create(lossy) as AnswerLost, {
        load: () => Promise.reject(new EventStoreError('unavailable', 'away')),
      });
      expect(await runner(away).execute(id, request()).catch(kindOf)).toBe('unknown');
      expect((await store.load(id)).events).toHaveLength(1);
    });

    it('does a repeated command once', async () => {
      const id = newId();
      const command = request();
      const first = await runner().execute(id, command);
      const again = await runner().execute(id, command);
      expect(again).toMatchObject({ kind: 'done', event: null });
      expect(again.kind === 'done' && first.kind === 'done' && again.position === first.position).toBe(true);
      expect((await store.load(id)).events).toHaveLength(1);
    });

    it('lets exactly one of two writers win, 1,000 times', async () => {
      let conflicts = 0;
      const a = runner(store, () => conflicts++);
      const b = runner(store, () => conflicts++);
      for (let round = 0; round < 1_000; round++) {
        const id = newId();
        // Two requests for one generation: the second must see the first, whoever that was.
        const outcomes = await Promise.all([a.execute(id, request()), b.execute(id, request())]);
        expect(outcomes.map((outcome) => outcome.kind).sort()).toEqual(['done', 'rejected']);
        expect((await store.load(id)).events).toHaveLength(1);
      }
      expect(conflicts).toBeGreaterThan(0);
    }, 120_000);

    it('lets many writers of one generation all have their turn, each once', async () => {
      const id = newId();
      await runner().execute(id, request());
      const cancels = Array.from({ length: 20 }, (_, i): Command => {
        return { type: 'Cancel', commandId: `cancel-${i}`, at: NOW, by: `user-${i}`, reason: null };
      });
      const outcomes = await Promise.all(cancels.map((command) => runner().execute(id, command)));
      expect(outcomes.filter((outcome) => outcome.kind === 'done' && outcome.event !== null)).toHaveLength(1);
      const { events } = await store.load(id);
      expect(events.map((event) => event.version)).toEqual([1, 2]);
      expect(fold(events)?.status).toBe('cancelled');
    });

    it('begins with what its caller knows, and does not look again', async () => {
      const id = newId();
      const requested = await runner().execute(id, request());
      if (requested.kind !== 'done') throw new Error('The request was refused');
      const blind: EventStore = {
        append: (event, expected) => store.append(event, expected),
        load: () => Promise.reject(new EventStoreError('unavailable', 'nobody should look')),
      };
      const outcome = await runner(blind).execute(id, startAttempt(), null, requested);
      expect(outcome).toMatchObject({ kind: 'done', state: { status: 'processing', version: 2 } });
      expect((await store.load(id)).events).toHaveLength(2);
    });

    it('looks again when what its caller knew is out of date, be it to append or to refuse', async () => {
      const id = newId();
      const requested = await runner().execute(id, request());
      const started = await runner().execute(id, startAttempt());
      if (requested.kind !== 'done' || started.kind !== 'done') throw new Error('It was refused');
      const cancel: Command = { type: 'Cancel', commandId: uuidv7(), at: NOW, by: 'user-1', reason: null };
      // It would append behind the first event, and would be refused behind the second.
      expect(await runner().execute(id, cancel, null, requested)).toMatchObject({ state: { version: 3 } });
      expect(await runner().execute(id, startAttempt(), null, requested)).toMatchObject({
        kind: 'rejected',
        state: { status: 'cancelled' },
      });
      expect(await runner().execute(id, cancel, null, started)).toMatchObject({ kind: 'done', event: null });
      expect((await store.load(id)).events).toHaveLength(3);
    });

    it('refuses nothing by what its caller knew', async () => {
      const id = newId();
      await runner().execute(id, request());
      const nothing = { state: null, position: 0, traceparent: null };
      expect(await runner().execute(id, startAttempt(), null, nothing)).toMatchObject({
        kind: 'done',
        state: { version: 2 },
      });
    });

    it('carries out many commands once each, whatever of them was on its way when the server died', async () => {
      const asked = Array.from({ length: 2_000 }, () => ({ id: newId(), command: request() }));
      const execute = ({ id, command }: (typeof asked)[number]) => runner().execute(id, command).catch(kindOf);
      const halfway = Promise.all(asked.slice(0, 200).map(execute));
      const rest = Promise.all(asked.slice(200).map(execute));
      await halfway;
      await subject.restart();
      const outcomes = [...(await halfway), ...(await rest)];
      const answered = asked.filter((_, index) => typeof outcomes[index] === 'object');
      for (const { id } of answered) expect((await store.load(id)).events).toHaveLength(1);
      // Who was told nothing for certain asks again, with the same command.
      await Promise.all(asked.map(execute));
      for (const { id, command } of asked) {
        expect((await store.load(id)).events.map(({ commandId }) => commandId)).toEqual([command.commandId]);
      }
    }, 60_000);

    it('keeps everything over a restart, and its order', async () => {
      const id = newId();
      const position = await store.append(exampleEvent(id), 0);
      await subject.restart();
      expect((await store.load(id)).position).toBe(position);
      const command: Command = {
        type: 'Cancel',
        commandId: uuidv7(),
        at: NOW,
        by: 'user-1',
        reason: 'changed my mind',
      };
      const outcome = await runner().execute(id, command);
      expect(outcome.kind === 'done' && outcome.position > position).toBe(true);
    });
  });
}
