import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ModelBreakers, type AttemptEnd, type BreakerState } from './model-breakers.js';

const PAUSE_MS = 30_000;

describe('ModelBreakers', () => {
  let changes: BreakerState[];
  let breakers: ModelBreakers;

  beforeEach(() => {
    jest.useFakeTimers({ now: 1_900_000_000_000 });
    changes = [];
    breakers = new ModelBreakers({ pauseMs: PAUSE_MS, onChange: (_model, state) => void changes.push(state) });
  });
  afterEach(() => void jest.useRealTimers());

  const wait = (random = 0) => breakers.waitMs('m', Date.now(), random);
  const begin = (end: AttemptEnd) => breakers.begin('m', () => Promise.resolve(end));
  const pass = (ms: number) => jest.setSystemTime(Date.now() + ms);

  async function opened(): Promise<void> {
    for (let i = 0; i < 10; i++) await begin('prediction_failed');
    expect(changes).toEqual(['open']);
  }

  it('opens when most of ten failed for reasons of the model, and not before', async () => {
    for (let i = 0; i < 4; i++) await begin('generated');
    for (let i = 0; i < 5; i++) await begin('provider_unavailable');
    expect(wait()).toBe(0);
    await begin('outcome_unknown');
    expect(changes).toEqual(['open']);
    expect([wait(0), wait(1)]).toEqual([PAUSE_MS, PAUSE_MS * 1.25]);
    expect(breakers.waitMs('another', Date.now(), 0)).toBe(0);
  });

  it('does not count what says nothing of the model', async () => {
    for (const end of ['content_refused', 'provider_rejected', 'provider_throttled', null] as const) {
      for (let i = 0; i < 10; i++) await begin(end);
    }
    await expect(breakers.begin('m', () => Promise.reject(new Error('the log is away')))).rejects.toThrow('away');
    for (let i = 0; i < 9; i++) await begin('prediction_failed');
    expect(changes).toEqual([]);
    await begin('prediction_failed');
    expect(changes).toEqual(['open']);
  });

  it('lets one through afterwards, keeps the others off meanwhile, and closes when that succeeds', async () => {
    await opened();
    pass(PAUSE_MS);
    expect(wait()).toBe(0);
    let end = (_: AttemptEnd): void => undefined;
    const probe = breakers.begin('m', () => new Promise((resolve) => (end = resolve)));
    expect([wait(0), wait(1)]).toEqual([PAUSE_MS / 4, PAUSE_MS / 2]);
    end('generated');
    await probe;
    expect(changes).toEqual(['open', 'half_open', 'closed']);
    expect(wait()).toBe(0);
  });

  it.each(['empty_output', 'provider_out_of_credit', null] as const)(
    'stays open after a probe that ended with %s',
    async (end) => {
      await opened();
      pass(PAUSE_MS);
      await begin(end);
      expect(changes).toEqual(['open', 'half_open', 'open']);
      expect(wait()).toBe(PAUSE_MS);
    },
  );

  it('stays open after a probe that was cut short', async () => {
    await opened();
    pass(PAUSE_MS);
    await expect(breakers.begin('m', () => Promise.reject(new Error('ends')))).rejects.toThrow('ends');
    expect(changes).toEqual(['open', 'half_open', 'open']);
  });

  it('never holds up what is only gone on with', async () => {
    await opened();
    let done = 0;
    await breakers.resume('m', async () => (done++, 'generated'));
    pass(PAUSE_MS);
    await breakers.resume('m', async () => (done++, 'generated'));
    expect(done).toBe(2);
    expect(changes).toEqual(['open']);
  });
});
