/**
 * `npm run test:chaos [-- --runs 20 --generations 1000 --kills 30 --seed 1 --write]`: the chaos suite in its long form
 * (docs/reliability.md). Each run takes the next seed; without one, nobody knows it before. `--write` puts the table into
 * the document.
 */
import { parseArgs } from 'node:util';
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { printError } from './lib/print.mjs';
import { runTests } from './lib/run-tests.mjs';
import { readSettings } from './lib/settings.mjs';

process.exitCode = 1;
try {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '3' },
      generations: { type: 'string', default: '1000' },
      kills: { type: 'string', default: '30' },
      seed: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const { write, ...numbers } = values;
  for (const [name, value] of Object.entries(numbers)) {
    if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error(`--${name} must be a positive whole number, and not ${value}`);
  }
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  const env = { CHAOS: JSON.stringify({ ...numbers, write }) };
  const { failed } = await runTests(settings, { args: ['test/chaos/system.chaos.spec.ts', '--verbose=false'], env });
  process.exitCode = failed > 0 ? 1 : 0;
} catch (error) {
  printError(error);
}
leaveParent();
