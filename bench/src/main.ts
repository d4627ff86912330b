/** `npm run bench` (scripts/bench.mjs) prepares the machine and starts this with the addresses of its servers. */
import { parseArgs } from 'node:util';
import { accept } from './accept.js';
import { download } from './download.js';
import { eventStore } from './event-store.js';
import { flight } from './flight.js';
import { generations } from './generations.js';
import { FULL, SMOKE, type BenchOptions } from './options.js';
import type { Row } from './row.js';
import { rebuild } from './rebuild.js';
import { machineOf, tableOf, writeTable } from './report.js';
import { schedules } from './schedules.js';

const BENCHMARKS: Readonly<Record<string, (options: BenchOptions) => Promise<Row[]>>> = {
  accept,
  'event-store': eventStore,
  generations,
  download,
  flight,
  schedules,
  rebuild,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nats: { type: 'string' },
    postgres: { type: 'string' },
    folder: { type: 'string' },
    'app-env': { type: 'string', default: '{}' },
    smoke: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const { nats: natsUrl, postgres: databaseUrl, folder } = values;
const unknown = positionals.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0)
  fail(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHMARKS).join(', ')}`);
if (!natsUrl || !databaseUrl || !folder) fail('Run it by `npm run bench [-- <benchmark>]`');

const appEnv = JSON.parse(values['app-env']) as BenchOptions['appEnv'];
const options: BenchOptions = { natsUrl, databaseUrl, folder, appEnv, size: values.smoke ? SMOKE : FULL };
const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
const rows: Row[] = [];
for (const name of names) {
  process.stderr.write(`bench | ${name}\n`);
  rows.push(...(await BENCHMARKS[name]!(options)));
}
const report = `${await machineOf(options)}\n\n${tableOf(rows)}\n`;
process.stdout.write(report);
if (values.write) writeTable(report);

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
