import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicateProvider, type Prediction } from '@darkroom/provider';
import { eventually } from '../../../test/support/eventually.js';
import { startSimulator, type RunningSimulator } from '../../simulator/src/start.js';
import { SharedList } from '../src/generate/shared-list.js';

const PAGE_SIZE = 100;
const NEVER = new AbortController().signal;
const AGES_AGO = Date.parse('2020-01-01T00:00:00Z');

describe('a list that is read for all who look for something in it', () => {
  let simulator: RunningSimulator;
  let provider: ReplicateProvider;
  let list: SharedList;
  beforeAll(async () => {
    simulator = await startSimulator({ createsPerMinute: 1_000_000 });
    provider = new ReplicateProvider({ baseUrl: `${simulator.url}/v1`, token: 'simulator' });
  });
  afterAll(() => simulator.close());
  beforeEach(() => {
    simulator.control.reset();
    list = new SharedList(provider);
  });

  const create = (prompt: string) =>
    provider.create({
      model: 'black-forest-labs/flux-schnell',
      version: null,
      input: { prompt },
      cancelAfterSeconds: 300,
    });
  const createMany = async (count: number) => {
    for (let index = 0; index < count; index += 1) await create(`no. ${index}`);
  };
  const isOf =
    (...prompts: string[]) =>
    ({ input }: Prediction) =>
      prompts.includes(String(input.prompt));
  const promptsOf = (found: readonly Prediction[]) => found.map(({ input }) => input.prompt);
  const reads = () => simulator.control.counters().lists;

  it('is read once for hundreds, to its last page, and each gets what is wanted, oldest first', async () => {
    await createMany(2 * PAGE_SIZE + 10);
    const finds = await Promise.all(
      Array.from({ length: 200 }, (_, index) => list.find(AGES_AGO, isOf(`no. ${index}`, 'no. 0', 'none'), NEVER)),
    );
    expect(finds.map(promptsOf)).toEqual(finds.map((_, index) => [...new Set(['no. 0', `no. ${index}`])]));
    expect(reads()).toBe(3);
  });

  it('is read again for who comes later: it may hold what was not there before', async () => {
    await create('before');
    const first = list.find(AGES_AGO, isOf('before', 'after'), NEVER);
    await create('after');
    const second = list.find(AGES_AGO, isOf('before', 'after'), NEVER);
    expect(promptsOf(await second)).toEqual(['before', 'after']);
    await first;
    expect(reads()).toBe(2);
  });

  it('lets go who looks for nothing older, and shows nobody what is older than wanted', async () => {
    await createMany(PAGE_SIZE + 10);
    const last = Date.now();
    await eventually(() => Date.now() > last);
    const since = Date.now();
    await create('new');
    const [recent, all] = [list.find(since, () => true, NEVER), list.find(AGES_AGO, () => true, NEVER)];
    expect(await Promise.race([recent.then(promptsOf), all.then(() => 'the whole list')])).toEqual(['new']);
    expect(await all).toHaveLength(PAGE_SIZE + 11);
  });

  it('fails for all whom a failed read was for, and nobody else', async () => {
    await create('there');
    simulator.control.fault({ kind: 'read_error', status: 403 });
    const failed = await Promise.allSettled([1, 2].map(() => list.find(AGES_AGO, isOf('there'), NEVER)));
    expect(failed).toEqual(
      [1, 2].map(() => ({ status: 'rejected', reason: expect.objectContaining({ kind: 'unauthorized' }) })),
    );
    expect(promptsOf(await list.find(AGES_AGO, isOf('there'), NEVER))).toEqual(['there']);
  });

  it('is read on for nobody when the process ends', async () => {
    const stop = new AbortController();
    simulator.control.fault({ kind: 'read_error', status: 429 });
    const found = list.find(AGES_AGO, () => true, stop.signal);
    await eventually(() => reads() === 1);
    stop.abort();
    await expect(found).rejects.toMatchObject({ kind: 'unavailable' });
    expect(reads()).toBe(1);
  });
});
