import { describe, expect, it } from '@jest/globals';
import { findModel } from '@darkroom/domain';
import { newRecord, type PredictionRecord } from './prediction.js';
import { logsOf, logTimes } from './run-log.js';

const fluxDev = findModel('black-forest-labs/flux-dev')!;
const fluxSchnell = findModel('black-forest-labs/flux-schnell')!;
const sdxl = findModel('stability-ai/sdxl')!;

/** Begins after 1 s and takes 4 s from then. */
const record: PredictionRecord = {
  ...newRecord({
    id: 'p1',
    model: fluxSchnell,
    input: { prompt: 'x' },
    seed: 42,
    createdAt: new Date(0),
    webhookEvents: [],
    runMs: 5_000,
  }),
  status: 'processing',
  startedAt: new Date(1_000),
};
const linesAt = (ms: number, change: Partial<PredictionRecord> = {}) =>
  logsOf({ ...record, ...change }, new Date(ms)).split('\n');

describe('the log of a run', () => {
  it('is empty before it begins', () => {
    expect(logsOf({ ...record, startedAt: undefined }, new Date(500))).toBe('');
  });

  it('tells the seed and each step that is done, as tqdm does', () => {
    expect(linesAt(1_000)).toEqual(['Using seed: 42', '  0%|          | 0/4 [00:00<?, ?it/s]', '']);
    expect(linesAt(3_999)).toHaveLength(5);
    expect(linesAt(5_000)).toEqual([
      'Using seed: 42',
      '  0%|          | 0/4 [00:00<?, ?it/s]',
      ' 25%|██▌       | 1/4 [00:01<00:03,  1.00it/s]',
      ' 50%|█████     | 2/4 [00:02<00:02,  1.00it/s]',
      ' 75%|███████▌  | 3/4 [00:03<00:01,  1.00it/s]',
      '100%|██████████| 4/4 [00:04<00:00,  1.00it/s]',
      '',
    ]);
  });

  it('stays as it was when the run ended', () => {
    expect(linesAt(9_000, { status: 'canceled', completedAt: new Date(2_100) })).toEqual(linesAt(2_100));
  });

  it('stands at 0% when the run never finishes', () => {
    const fault = { kind: 'run_never_finishes', ignores_deadline: false, times: 1 } as const;
    expect(linesAt(99_000, { fault })).toEqual(linesAt(1_000));
    expect(logTimes({ ...record, fault })).toEqual([new Date(1_000)]);
  });

  it.each([
    [fluxDev, {}, 14, '28/28'],
    [sdxl, { num_inference_steps: 500 }, 20, '500/500'],
    [sdxl, { num_inference_steps: 1 }, 1, '1/1'],
  ])('of %o has a bounded number of lines', (model, input, lines, last) => {
    const whole = linesAt(5_000, { model, input });
    expect(whole).toHaveLength(lines + 3);
    expect(whole.at(-2)).toContain(`100%|██████████| ${last} `);
  });

  it('is whole at once when a run takes no time', () => {
    expect(linesAt(0, { runMs: 0, startedAt: new Date(0) }).at(-2)).toContain('100%|██████████| 4/4 [00:00<00:00');
  });

  it('grows at the times that are told', () => {
    expect(logTimes(record).map((time) => time.getTime())).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
    for (const [line, at] of logTimes(record).entries()) expect(linesAt(at.getTime())).toHaveLength(line + 3);
  });
});
