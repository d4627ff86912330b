import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fold, generationIdFrom, isTerminal, type Command, type Lane } from '@darkroom/domain';
import {
  CommandRunner,
  connectBroker,
  JetStreamEventStore,
  lineFilter,
  provision,
  SlotTable,
  WaitingLine,
  WORK_STREAM,
  WorkQueue,
  type Broker,
  type RecordedEvent,
  cancellingKey,
  GenerationNotes,
} from '@darkroom/events';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { startNats, type TestNats } from '../../../test/support/nats.js';
import { exampleRequest } from '../../../libs/events/src/event-store.contract.js';
import { Admission } from '../src/dispatch/admission.js';
import { DispatchController } from '../src/dispatch/dispatch.controller.js';

/** Says whether the process dies at this step: before it is done, after, or not at all. */
type Fate = () => 'before' | 'after' | null;

const immortal: Fate = () => null;

class Died extends Error {}

/** The real thing, in a process that may die at each of its steps. */
function mortal<T extends object>(thing: T, fate: Fate): T {
  return new Proxy(thing, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      // Iterated, not awaited.
      if (name === 'users') return member.bind(target) as unknown;
      return async (...args: unknown[]) => {
        const end = fate();
        if (end === 'before') throw new Died();
        const result: unknown = await Reflect.apply(member, target, args);
        if (end === 'after') throw new Died();
        return result;
      };
    },
  });
}

/** Dispatchers over a real broker; the test is the worker, and delivers the facts. */
class Field {
  readonly store: JetStreamEventStore;
  readonly runner: CommandRunner;

  constructor(
    readonly broker: Broker,
    readonly slots: SlotTable,
    readonly cancelling: GenerationNotes,
  ) {
    this.store = new JetStreamEventStore(broker);
    this.runner = new CommandRunner(this.store, { source: '/darkroom/test' });
  }

  admission(fate: Fate = immortal): Admission {
    return new Admission(
      mortal(this.slots, fate),
      mortal(new WaitingLine(this.broker), fate),
      mortal(new WorkQueue(this.broker), fate),
      mortal(this.store, fate),
    );
  }

  dispatcher(fate: Fate = immortal): DispatchController {
    const queue = mortal(new WorkQueue(this.broker), fate);
    const cancelling = mortal(this.cancelling, fate);
    return new DispatchController(this.broker, this.store, this.runner, queue, this.admission(fate), cancelling);
  }

  async request(userId: string, limit: number, lane: Lane = 'normal'): Promise<RecordedEvent> {
    const request = exampleRequest({ user_id: userId, lane, concurrency_limit: limit });
    return this.append(generationIdFrom(uuidv7()), { type: 'Request', request });
  }

  async append(id: string, intent: object): Promise<RecordedEvent> {
    const command = { ...intent, commandId: uuidv7(), at: new Date().toISOString() } as Command;
    const outcome = await this.runner.execute(id, command);
    if (outcome.kind !== 'done' || !outcome.event) throw new Error(`${id}: ${JSON.stringify(outcome)}`);
    return outcome.event;
  }

  /** As a worker ends it: with the attempt that its work asked for. */
  async end(id: string): Promise<RecordedEvent> {
    await this.begin(id);
    return this.append(id, { type: 'Fail', error: { code: 'internal', message: 'over', retryable: false } });
  }

  async begin(id: string): Promise<void> {
    const start = { type: 'StartAttempt', stage: 'generate', worker: 'test', deadline: null };
    await this.append(id, start);
    await this.broker.manager.streams.purge(WORK_STREAM, { filter: `work.generate.*.${id}` });
  }

  cancel(id: string): Promise<RecordedEvent> {
    return this.append(id, { type: 'Cancel', by: 'test', reason: null });
  }

  async hasEnded(id: string): Promise<boolean> {
    return isTerminal(fold((await this.store.load(id)).events)!.status);
  }

  async subjects(filter: string): Promise<string[]> {
    const { state } = await this.broker.manager.streams.info(WORK_STREAM, { subjects_filter: filter });
    return Object.keys(state.subjects ?? {});
  }

  /** Whose work is in a lane. */
  async inLanes(): Promise<string[]> {
    return (await this.subjects('work.generate.>')).map((subject) => subject.split('.')[3]!);
  }

  async running(userId: string): Promise<string[]> {
    return Object.keys((await this.slots.read(userId)).slots?.running ?? {});
  }
}

describe('admission', () => {
  let nats: TestNats;
  let field: Field;
  beforeAll(async () => {
    nats = await startNats();
    const broker = await connectBroker({ servers: [nats.url], name: 'test' });
    await provision(broker, { replicas: 1 });
    field = new Field(broker, await SlotTable.open(broker), await GenerationNotes.open(broker, cancellingKey));
  });
  afterAll(async () => {
    await field.broker.close();
    await nats.stop();
  });

  let users = 0;
  const newUser = () => `user-${++users}`;

  it('lets in as many as the limit says, and hands a slot to who waits: high lane first, then the oldest', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const lanes: Lane[] = ['normal', 'normal', 'low', 'normal', 'high'];
    const requests: RecordedEvent[] = [];
    for (const lane of lanes) requests.push(await field.request(user, 1, lane));
    for (const request of requests) await dispatcher.dispatch(request);
    const order: string[] = [];
    while (order.length < requests.length) {
      const [id, ...others] = await field.inLanes();
      expect(others).toEqual([]);
      order.push(id!);
      await dispatcher.dispatch(await field.end(id!));
    }
    expect(order.map((id) => requests.findIndex((request) => request.generationId === id))).toEqual([0, 4, 1, 3, 2]);
    expect(await field.running(user)).toEqual([]);
    expect(await field.subjects('line.>')).toEqual([]);
  });

  it('a limit is one user’s own: others do not wait', async () => {
    const dispatcher = field.dispatcher();
    const [first, second] = [newUser(), newUser()];
    const requests = await Promise.all([...Array(50).fill(first), second].map((user) => field.request(user, 2)));
    await Promise.all(requests.map((request) => dispatcher.dispatch(request)));
    expect(await field.running(first)).toHaveLength(2);
    expect(await field.inLanes()).toContain(requests.at(-1)!.generationId);
    for (const { generationId } of requests) await dispatcher.dispatch(await field.cancel(generationId));
    expect([await field.inLanes(), await field.subjects('line.>')]).toEqual([[], []]);
    expect([await field.running(first), await field.running(second)]).toEqual([[], []]);
  });

  it('what was scheduled is let in beside what is asked for now, also from its line', async () => {
    const [user, dispatcher] = [newUser(), field.dispatcher()];
    const scheduled_at = new Date(Date.now() + 3_600_000).toISOString();
    const asked = exampleRequest({ user_id: user, concurrency_limit: 1, scheduled_at });
    const requests = [];
    for (let i = 0; i < 2; i++) {
      requests.push(await field.append(generationIdFrom(uuidv7()), { type: 'Request', request: asked }));
    }
    // As if their time had come.
    for (const request of requests) await dispatcher.admit(request);
    const [first, second] = requests.map(({ generationId }) => `work.due.normal.${generationId}`);
    expect(await field.subjects('work.*.*.*')).toEqual([first]);
    await dispatcher.dispatch(await field.cancel(requests[0]!.generationId));
    expect(await field.subjects('work.*.*.*')).toEqual([second]);
    await dispatcher.dispatch(await field.cancel(requests[1]!.generationId));
    expect(await field.subjects('>')).toEqual([]);
  });

  it('whose Cancelled was dispatched before it was let in keeps no slot', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const request = await field.request(user, 1);
    await dispatcher.dispatch(await field.cancel(request.generationId));
    await dispatcher.dispatch(request);
    expect(await field.running(user)).toEqual([]);
    expect(await field.inLanes()).toEqual([]);
  });

  it('who is cancelled between the look at the line and the slot keeps none', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const [first, second, third] = [
      await field.request(user, 1),
      await field.request(user, 1),
      await field.request(user, 1),
    ];
    for (const request of [first, second, third]) await dispatcher.dispatch(request);
    const ended = await field.end(first.generationId);
    const slots = Object.create(field.slots, {
      write: {
        value: async (...args: Parameters<SlotTable['write']>) => {
          if (!(await field.hasEnded(second.generationId))) {
            await dispatcher.dispatch(await field.cancel(second.generationId));
          }
          return field.slots.write(...args);
        },
      },
      read: { value: (userId: string) => field.slots.read(userId) },
    }) as SlotTable;
    const slow = new Admission(slots, new WaitingLine(field.broker), new WorkQueue(field.broker), field.store);
    await slow.leave(ended);
    expect(await field.running(user)).toEqual([third.generationId]);
    expect(await field.inLanes()).toEqual([third.generationId]);
    await dispatcher.dispatch(await field.end(third.generationId));
    expect(await field.running(user)).toEqual([]);
  });

  it('an end that is dispatched after the redrive leaves the redrive its slot', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const request = await field.request(user, 1);
    await dispatcher.dispatch(request);
    const failed = await field.end(request.generationId);
    const retried = await field.append(request.generationId, { type: 'Retry', by: 'test' });
    await dispatcher.dispatch(retried);
    await dispatcher.dispatch(failed);
    expect(await field.running(user)).toEqual([request.generationId]);
    expect(await field.inLanes()).toEqual([request.generationId]);
    await dispatcher.dispatch(await field.end(request.generationId));
    expect(await field.running(user)).toEqual([]);
  });

  it('work that an attempt has begun is not put a second time, however late its fact comes again', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const request = await field.request(user, 1);
    await dispatcher.dispatch(request);
    await field.begin(request.generationId);
    // Another id: as if the broker's window for repetitions were over.
    await dispatcher.dispatch({ ...request, id: uuidv7() });
    expect(await field.inLanes()).toEqual([]);
    expect(await field.running(user)).toEqual([request.generationId]);
    await dispatcher.dispatch(await field.cancel(request.generationId));
  });

  it('reconciles slots of generations that have ended, and lines with nobody to serve them', async () => {
    const user = newUser();
    const dispatcher = field.dispatcher();
    const [first, second] = [await field.request(user, 1), await field.request(user, 1)];
    await dispatcher.dispatch(first);
    await dispatcher.dispatch(second);
    // Nobody hears of it.
    await field.end(first.generationId);
    await field.admission().reconcile();
    expect(await field.running(user)).toEqual([second.generationId]);
    expect(await field.inLanes()).toEqual([second.generationId]);
    await field.end(second.generationId);
    await Promise.all([field.admission().reconcile(), field.admission().reconcile()]);
    expect(await field.running(user)).toEqual([]);
  });

  type Step =
    | { readonly kind: 'request'; readonly lane: number }
    | { readonly kind: 'end' | 'cancel' | 'retry' | 'deliver'; readonly which: number }
    | { readonly kind: 'reconcile' };

  /** What may happen, in any order: indices are taken modulo what there is. */
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('request' as const), lane: fc.nat(2) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('retry' as const), which: fc.nat(20) }) },
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('deliver' as const), which: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reconcile' as const) }) },
  );
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 4, maxLength: 12, size: 'max' });
  const deaths = fc.array(fc.constantFrom('before', 'after', null, null, null, null, null, null), {
    minLength: 50,
    maxLength: 300,
    size: 'max',
  });

  it('whatever happens at once, and whoever dies in between: never beyond the limit, and nobody is forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, deaths, fc.integer({ min: 1, max: 3 }), async (script, fates, limit) => {
        const user = newUser();
        const known: string[] = [];
        /** Facts that were not dispatched yet: they may be in any order. */
        const facts: RecordedEvent[] = [];
        let steps = 0;
        const fate: Fate = () => fates[steps++] ?? null;
        const dispatchers = [field.dispatcher(fate), field.dispatcher(fate)];
        /** As the broker does: again, to anybody, until it is done. */
        const deliver = async (event: RecordedEvent, to: number): Promise<void> => {
          for (;;) {
            try {
              return await dispatchers[to++ % dispatchers.length]!.dispatch(event);
            } catch (error) {
              if (!(error instanceof Died)) throw error;
            }
          }
        };
        const working = new Set<string>();
        const withinLimit = async (): Promise<void> => {
          expect((await field.running(user)).length).toBeLessThanOrEqual(limit);
          const waiting = (await field.inLanes()).filter((id) => known.includes(id));
          const ended = await Promise.all(waiting.map((id) => field.hasEnded(id)));
          expect(ended.filter((over) => !over).length).toBeLessThanOrEqual(limit);
        };
        const happen = async (what: Step, to: number): Promise<void> => {
          if (what.kind === 'reconcile') return field.admission().reconcile();
          if (what.kind === 'request') {
            const request = await field.request(user, limit, (['high', 'normal', 'low'] as const)[what.lane]);
            known.push(request.generationId);
            facts.push(request);
            return;
          }
          if (what.kind === 'deliver') {
            const [fact] = facts.length > 0 ? facts.splice(what.which % facts.length, 1) : [];
            return fact && deliver(fact, to);
          }
          const lanes = what.kind === 'end' ? (await field.inLanes()).filter((each) => !working.has(each)) : known;
          const id = lanes[what.which % lanes.length];
          if (id === undefined) return;
          working.add(id);
          const append = {
            end: () => field.end(id),
            cancel: () => field.cancel(id),
            retry: () => field.append(id, { type: 'Retry', by: 'test' }),
          };
          // Several may want something of the same generation: who is too late is refused.
          const fact = await append[what.kind]().catch(() => null);
          working.delete(id);
          if (fact) facts.push(fact);
        };
        for (const round of script) {
          await Promise.all(round.map(happen));
          await withinLimit();
        }
        // From here on nobody dies, and a worker does what there is.
        steps = fates.length;
        await Promise.all(facts.splice(0).map(deliver));
        for (let idle = 0; idle < 2;) {
          await withinLimit();
          const ids = (await field.inLanes()).filter((id) => known.includes(id));
          idle = ids.length === 0 ? idle + 1 : 0;
          for (const id of ids) {
            const event = await field.end(id).catch(() => null);
            await field.broker.manager.streams.purge(WORK_STREAM, { filter: `work.generate.*.${id}` });
            if (event) await deliver(event, 0);
          }
        }
        const unfinished: string[] = [];
        for (const id of known) if (!(await field.hasEnded(id))) unfinished.push(id);
        expect(unfinished).toEqual([]);
        expect(await field.running(user)).toEqual([]);
        expect(await field.subjects(lineFilter(user))).toEqual([]);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  }, 120_000);
});
