import { afterAll, describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { writeTable } from './document.js';
import { chaosOptions } from './options.js';
import { story, tableHead, tableRow, tellFallen } from './report.js';
import { chaosRun } from './run.js';

/** Longest that one run may take, settling included. Milliseconds. */
const RUN_MS = 900_000;

const { runs, write } = chaosOptions(process.env.CHAOS, randomInt(1_000_000));

describe('a system that is killed, frozen, cut off and filled up', () => {
  const rows: string[] = [];
  afterAll(() => {
    const table = [tableHead(), ...rows].join('\n');
    process.stdout.write(`${table}\n`);
    if (write) writeTable(table);
  });

  it.each(runs)(
    'loses nothing, pays nothing twice and comes to rest: seed $seed',
    async (options) => {
      const result = await chaosRun(options);
      rows.push(tableRow(result));
      process.stdout.write(`${rows.at(-1)}\n`);
      const { violations, left, counters, fallen } = result;
      if (violations.length + left.length + counters.strange.length > 0) {
        process.stderr.write(`${story(result)}\n${result.words}\n`);
      } else if (fallen.length > 0) {
        process.stderr.write(`${fallen.map(tellFallen).join('\n')}\n`);
      }
      expect(violations).toEqual([]);
      expect(left).toEqual([]);
      expect(counters.strange).toEqual([]);
    },
    RUN_MS,
  );
});
