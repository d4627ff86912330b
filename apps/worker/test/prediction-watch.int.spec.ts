import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { HandBack } from '@darkroom/events';
import { ReplicateProvider, type Prediction } from '@darkroom/provider';
import { eventually } from '../../../test/support/eventually.js';
import { startSimulator, type RunningSimulator } from '../../simulator/src/start.js';
import { PredictionWatch, type Ending, type Wanted, type WatchOptions } from '../src/generate/prediction-watch.js';

const UNLIMITED: WatchOptions = { callsPerMinute: 1_000_000, toldEveryMs: null };

describe('waiting for predictions', () => {
  let simulator: RunningSimulator;
  let provider: ReplicateProvider;
  let stop: AbortController;
  beforeAll(async () => {
    simulator = await startSimulator({ createsPerMinute: 1_000_000 });
    provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'simulator' });
  });
  afterAll(() => simulator.close());
  beforeEach(() => {
    stop = new AbortController();
    simulator.control.reset();
    simulator.control.configure({ runMs: 500 });
  });
  afterEach(() => stop.abort());

  const create = (prompt = 'a lighthouse') =>
    provider.create({
      model: 'black-forest-labs/flux-schnell',
      version: null,
      input: { prompt },
      cancelAfterSeconds: 300,
    });
  const createAll = (count: number, prompt?: string) =>
    Promise.all(Array.from({ length: count }, () => create(prompt)));
  const calls = () => {
    const { gets, lists } = simulator.control.counters();
    return { gets, lists, all: gets + lists };
  };

  /** Waits, and answers the prediction that ended and how long after that it was known, milliseconds. */
  async function ended(watch: PredictionWatch, { id, createdAt }: Prediction, wanted: Partial<Wanted> = {}) {
    const ending = await watch.ended(id, { createdAt, deadline: null, ...wanted }, stop.signal);
    return { ending, late: lateness(ending) };
  }
  const lateness = (ending: Ending) =>
    typeof ending === 'string' ? Infinity : Date.now() - Date.parse(ending.completedAt!);
  const statusOf = (ending: Ending) => (typeof ending === 'string' ? ending : ending.status);
  const succeeded = (count: number) => Array.from({ length: count }, () => 'succeeded');

  it('one is asked for, soon and then more slowly, and no list is read', async () => {
    const { ending, late } = await ended(new PredictionWatch(provider, UNLIMITED), await create());
    expect(statusOf(ending)).toBe('succeeded');
    expect(late).toBeLessThan(1_000);
    expect(calls().lists).toBe(0);
    expect(calls().gets).toBeLessThanOrEqual(3);
  });

  it('hundreds cost few calls, however many others are in the list', async () => {
    simulator.control.configure({ runMs: 4_000 });
    const predictions = await createAll(300);
    await createAll(150, "somebody else's");
    const watch = new PredictionWatch(provider, UNLIMITED);
    const endings = await Promise.all(predictions.map((each) => ended(watch, each)));
    expect(endings.map(({ ending }) => statusOf(ending))).toEqual(succeeded(300));
    expect(Math.max(...endings.map(({ late }) => late))).toBeLessThan(2_500);
    // Five pages at each of six beats.
    expect(calls().lists).toBeLessThanOrEqual(40);
    expect(calls().gets).toBeLessThanOrEqual(20);
  }, 30_000);

  it('stays inside its calls, whatever the list shows', async () => {
    simulator.control.configure({ runMs: 1_500 });
    simulator.control.fault({ kind: 'listed_late', ms: 60_000, times: 'always' });
    const predictions = await createAll(60);
    const watch = new PredictionWatch(provider, { ...UNLIMITED, callsPerMinute: 600 });
    const begun = Date.now();
    const endings = await Promise.all(predictions.map((each) => ended(watch, each)));
    expect(endings.map(({ ending }) => statusOf(ending))).toEqual(succeeded(60));
    // Ten a second, those that were saved up, and those that had begun.
    expect(calls().all).toBeLessThanOrEqual(((Date.now() - begun) / 1_000) * 10 + 10 + 9);
  }, 60_000);

  it('what no list shows is asked for, and what is gone is lost', async () => {
    simulator.control.configure({ runMs: 1_000 });
    simulator.control.fault({ kind: 'listed_late', ms: 60_000, match: { prompt: 'late' }, times: 'always' });
    const predictions = [...(await createAll(30)), ...(await createAll(3, 'late'))];
    const watch = new PredictionWatch(provider, UNLIMITED);
    const gone = { ...predictions[0]!, id: 'of-another-account' };
    const endings = await Promise.all([...predictions, gone].map((each) => ended(watch, each)));
    expect(endings.map(({ ending }) => statusOf(ending))).toEqual([...succeeded(33), 'lost']);
    expect(calls().gets).toBeLessThan(40);
  });

  it('failed reads are only repeated', async () => {
    simulator.control.configure({ runMs: 1_000 });
    const predictions = await createAll(20);
    simulator.control.fault(
      { kind: 'read_error', status: 503, times: 5 },
      { kind: 'read_reset', times: 5 },
      { kind: 'read_error', status: 401, times: 2 },
    );
    const watch = new PredictionWatch(provider, UNLIMITED);
    const endings = await Promise.all(predictions.map((each) => ended(watch, each)));
    expect(endings.map(({ ending }) => statusOf(ending))).toEqual(succeeded(20));
    expect(calls().all).toBeLessThan(60);
  }, 30_000);

  it('one that will not end is cancelled at its deadline, among few and many', async () => {
    simulator.control.fault({ kind: 'run_never_finishes', match: { prompt: 'stuck' }, times: 'always' });
    const watch = new PredictionWatch(provider, UNLIMITED);
    for (const others of [0, 30]) {
      simulator.control.configure({ runMs: 3_000 });
      const running = (await createAll(others)).map((each) => ended(watch, each));
      const deadline = new Date(Date.now() + 1_000).toISOString();
      const { ending } = await ended(watch, await create('stuck'), { deadline });
      expect(statusOf(ending)).toBe('canceled');
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(deadline));
      expect(Date.now()).toBeLessThan(Date.parse(deadline) + 1_000);
      await Promise.all(running);
    }
  }, 30_000);

  it('one that is past its deadline is cancelled even if the provider wants to be left alone first', async () => {
    const overdue = await create('overdue');
    simulator.control.fault({ kind: 'read_error', status: 429 });
    const watch = new PredictionWatch(provider, UNLIMITED);
    const { ending } = await ended(watch, overdue, { deadline: new Date().toISOString() });
    expect(statusOf(ending)).toBe('succeeded');
    expect(simulator.control.counters().cancels).toBe(2);
  }, 30_000);

  it('ends at once when the work is to be handed back, and asks nothing more', async () => {
    simulator.control.configure({ runMs: 60_000 });
    const predictions = await createAll(40);
    const watch = new PredictionWatch(provider, UNLIMITED);
    const endings = predictions.map((each) => ended(watch, each));
    await eventually(() => calls().lists > 0);
    stop.abort();
    for (const each of await Promise.allSettled(endings)) {
      expect(each).toMatchObject({ status: 'rejected', reason: expect.any(HandBack) });
    }
    const asked = calls();
    const since = Date.now();
    await eventually(() => Date.now() - since > 1_200);
    expect(calls()).toEqual(asked);
    await expect(ended(watch, predictions[0]!)).rejects.toThrow(HandBack);
  });

  it('tells of those that run', async () => {
    simulator.control.configure({ runMs: 2_500 });
    const logs: string[] = [];
    const watch = new PredictionWatch(provider, UNLIMITED);
    await ended(watch, await create(), { onLook: (seen) => logs.push(seen.logs) });
    expect(logs.length).toBeGreaterThan(2);
    expect(logs.at(-1)).toMatch(/\d%\|/);
  });

  describe('that the provider tells of', () => {
    it('asks once for each', async () => {
      const watch = new PredictionWatch(provider, { ...UNLIMITED, toldEveryMs: 60_000 });
      const predictions = await createAll(5);
      const endings = predictions.map((each) => ended(watch, each));
      await eventually(() => simulator.control.predictions().every(({ status }) => status === 'succeeded'));
      expect(calls().all).toBe(0);
      watch.look("somebody else's");
      for (const { id } of predictions) watch.look(id);
      expect((await Promise.all(endings)).map(({ ending }) => statusOf(ending))).toEqual(succeeded(5));
      expect(calls()).toEqual({ gets: 5, lists: 0, all: 5 });
    });

    it('looks although it was told too early, and again when nothing more is told', async () => {
      simulator.control.configure({ runMs: 700 });
      const watch = new PredictionWatch(provider, { ...UNLIMITED, toldEveryMs: 1_000 });
      const prediction = await create();
      const ending = ended(watch, prediction);
      watch.look(prediction.id);
      expect(statusOf((await ending).ending)).toBe('succeeded');
      expect(calls().gets).toBe(2);
    });
  });
});
