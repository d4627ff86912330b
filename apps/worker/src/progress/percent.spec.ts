import { describe, expect, it } from '@jest/globals';
import { downloadProgress, percentIn, runProgress } from './percent.js';
import { tellProgress } from './tell-progress.js';

describe('percentIn', () => {
  it.each([
    ['', null],
    ['Using seed: 42\n', null],
    ['Using seed: 42\n 25%|████    | 1/4\n', 25],
    ['  0%|          | 0/50 [00:00<?, ?it/s]\r  4%|▍         | 2/50 [00:00<00:03, 12.9it/s]', 4],
    [' 50%|█████     | 1/2\n100%|██████████| 2/2 [00:01<00:00]\n', 100],
    // The second pass begins anew.
    ['100%|██████████| 4/4\n 25%|██▌       | 1/4\n', 25],
    ['GPU at 93% load, 100% of the memory', null],
    ['12.5%|█', null],
    ['999%|█', null],
    [`${' 10%|█ | 1/10\n'.repeat(1)}${'a line without any\n'.repeat(200)}`, null],
  ])('of %j is %p', (logs, percent) => {
    expect(percentIn(logs)).toBe(percent);
  });
});

it('a run lies between 10 and 80, a download between 80 and 99', () => {
  expect([0, 1, 50, 99, 100].map(runProgress)).toEqual([10, 10, 45, 79, 80]);
  expect([[], [0, 0], [0.5], [1, 0.5, 0], [1, 1]].map(downloadProgress)).toEqual([80, 80, 89, 89, 99]);
});

it('tells only what is more, and not too often', () => {
  const told: number[] = [];
  const tell = tellProgress({ generationId: 'g', fence: 2 }, ({ progress }) => told.push(progress));
  for (const progress of [20, 20, 10, 30]) tell(progress);
  expect(told).toEqual([20]);
});
