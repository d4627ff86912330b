import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Claims,
  CommandRunner,
  Documents,
  EventStoreError,
  JetStreamEventStore,
  PREDICTIONS_BUCKET,
  PredictionClaims,
  Signals,
  SOURCES_BUCKET,
  StageHolds,
  WorkQueue,
  type EventStore,
} from '@darkroom/events';
import { ReplicateProvider } from '@darkroom/provider';
import { openStorage } from '@darkroom/storage';
import { eventually } from '../../../test/support/eventually.js';
import { CreateGuards } from '../src/generate/create-guards.js';
import { CreditGate } from '../src/generate/credit-gate.js';
import { Generator } from '../src/generate/generator.js';
import { ModelBreakers } from '../src/generate/model-breakers.js';
import { PredictionFinder } from '../src/generate/prediction-finder.js';
import { PredictionWatch } from '../src/generate/prediction-watch.js';
import { SourceImages } from '../src/sources/hand-over.js';
import { SentFiles } from '../src/sources/sent-files.js';
import { WorkerFixture } from './worker-fixture.js';

const FREE = { usePermit: () => Promise.resolve(), returnPermit: () => undefined };

describe('the fence before a prediction', () => {
  let fixture: WorkerFixture;
  beforeAll(async () => {
    fixture = await WorkerFixture.start();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    fixture.simulator.control.reset();
    fixture.simulator.control.configure({ runMs: 100 });
  });
  afterEach(() => fixture.closeWorkers());

  const counters = () => fixture.simulator.control.counters();

  async function generatorOver(
    store: EventStore,
    runner = new CommandRunner(store, { source: '/darkroom/test' }),
    deadlineMarginMs = 30_000,
  ): Promise<Generator> {
    const provider = new ReplicateProvider(fixture.config().replicate);
    const claims = new PredictionClaims(await Claims.open(fixture.broker, PREDICTIONS_BUCKET), provider.name);
    const watch = new PredictionWatch(provider, { callsPerMinute: 1_000_000, toldEveryMs: null });
    const signals = new Signals(fixture.broker);
    const guards = new CreateGuards(
      new ModelBreakers({ pauseMs: 30_000, onChange: () => undefined }),
      new CreditGate(await StageHolds.open(fixture.broker), 60_000),
      new WorkQueue(fixture.broker),
      store,
      fixture.config().generationTimeoutMs,
    );
    const alone = { deadlineMarginMs, worker: 'alone', outOfCreditPauseMs: 60_000, webhookUrl: null };
    const files = new SentFiles(await Documents.open(fixture.broker, SOURCES_BUCKET), provider.name);
    const storage = await openStorage(fixture.config().storageUrl);
    const images = new SourceImages(provider, storage, files, { ...fixture.config(), ...alone });
    const options = { ...fixture.config(), ...alone };
    return new Generator(
      store,
      runner,
      provider,
      claims,
      new PredictionFinder(provider, claims),
      watch,
      signals,
      guards,
      images,
      options,
    );
  }

  it('a worker that was suspended between its fence and its create asks for nothing when it wakes', async () => {
    const id = await fixture.request();
    const [work] = await fixture.events(id);
    /** Stands still after every append, as a stopped process would. */
    class SuspendedRunner extends CommandRunner {
      override async execute(...command: Parameters<CommandRunner['execute']>) {
        const outcome = await super.execute(...command);
        const since = Date.now();
        await eventually(() => Date.now() - since > 1_000);
        return outcome;
      }
    }
    const runner = new SuspendedRunner(fixture.store, { source: '/darkroom/test' });
    const generator = await generatorOver(fixture.store, runner, 500);
    await generator.generate(work!, new AbortController().signal, FREE);
    expect(counters().creates_received).toBe(0);
    expect((await fixture.events(id)).at(-1)?.data).toMatchObject({ counted: false, error: { code: 'internal' } });

    await fixture.startWorker();
    expect((await fixture.ended(id)).status).toBe('completed');
    expect(counters().predictions_created).toBe(1);
  });

  it.each(['cancelled', 'begun by another worker'])(
    'work that arrives for the first time buys nothing when its generation was %s meanwhile',
    async (meanwhile) => {
      const id = await fixture.request();
      const [work] = await fixture.events(id);
      const at = new Date().toISOString();
      await fixture.runner.execute(
        id,
        meanwhile === 'cancelled'
          ? { type: 'Cancel', commandId: 'cancel', at, by: 'user-1', reason: null }
          : { type: 'StartAttempt', commandId: 'start', at, stage: 'generate', worker: 'other', deadline: null },
      );
      const generator = await generatorOver(fixture.store);
      const generated = generator.generate(work!, new AbortController().signal, FREE, true);
      // Work in two hands is delivered again, and goes on from what is in the log then.
      if (meanwhile === 'cancelled') await generated;
      else await expect(generated).rejects.toThrow('already in hand');
      expect(counters().creates_received).toBe(0);
      expect(await fixture.types(id)).toHaveLength(2);
    },
  );

  it('work that arrives for the first time begins nothing after an attempt that it has not seen', async () => {
    const id = await fixture.request();
    const [work] = await fixture.events(id);
    // Another piece of the same work went before: its create was lost, and the deadline of that has passed.
    const at = new Date(Date.now() - 60_000).toISOString();
    const begun = { type: 'StartAttempt', stage: 'generate', worker: 'other', deadline: at } as const;
    const started = await fixture.runner.execute(id, { ...begun, commandId: 'start', at });
    const error = { code: 'outcome_unknown', message: 'lost', retryable: true } as const;
    const { fence } = started.state!.current!;
    const given = { type: 'FailAttempt', fence, error, retryAt: at, counted: true } as const;
    await fixture.runner.execute(id, { ...given, commandId: 'fail', at });

    const generator = await generatorOver(fixture.store);
    await expect(generator.generate(work!, new AbortController().signal, FREE, true)).rejects.toThrow('moved on');
    expect(counters().creates_received).toBe(0);
    expect(await fixture.types(id)).toHaveLength(3);
  });

  it('a worker whose fence got no answer asks for that again, and then once for the prediction', async () => {
    const id = await fixture.request();
    const [work] = await fixture.events(id);
    /** Loses the answer of the fence; then the log cannot be read for a while. */
    class LosingStore extends JetStreamEventStore {
      #lost = false;
      #refusals = 0;

      override async append(...appended: Parameters<JetStreamEventStore['append']>) {
        const position = await super.append(...appended);
        if (appended[0].type !== 'AttemptStarted' || this.#lost) return position;
        this.#lost = true;
        this.#refusals = 3;
        throw new EventStoreError('unknown', 'the answer was lost');
      }

      override async load(generationId: string) {
        if (this.#refusals-- > 0) throw new EventStoreError('unavailable', 'away');
        return super.load(generationId);
      }
    }
    const generator = await generatorOver(new LosingStore(fixture.broker));
    await generator.generate(work!, new AbortController().signal, FREE);
    expect(await fixture.types(id)).toEqual([
      'GenerationRequested',
      'AttemptStarted',
      'PredictionCreated',
      'Generated',
    ]);
    expect(counters()).toMatchObject({ creates_received: 1, predictions_created: 1, lists: 0 });
  });
});
