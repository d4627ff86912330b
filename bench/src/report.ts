import { connect } from '@nats-io/transport-node';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.js';
import type { Row } from './row.js';
import { postgresVersion } from './servers.js';

const PROJECT = join(import.meta.dirname, '../../..');
const DOCUMENT = join(PROJECT, 'docs', 'benchmarks.md');
const [BEGIN, END] = ['<!-- table -->', '<!-- /table -->'];

/** What the numbers were measured on, and when. */
export async function machineOf({ natsUrl, databaseUrl }: BenchOptions): Promise<string> {
  const processors = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  const connection = await connect({ servers: natsUrl });
  const nats = connection.info?.version ?? 'unknown';
  await connection.close();
  return [
    `${new Date().toISOString().slice(0, 10)}, Darkroom ${commit()}, on ${processors.length} × ${processors[0]?.model.trim()},`,
    `${gigabytes} GiB, Linux ${release()}; Node.js ${process.versions.node}, nats-server ${nats} (sync_interval: always),`,
    `PostgreSQL ${await postgresVersion(databaseUrl)}.`,
  ].join('\n');
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: PROJECT, encoding: 'utf8' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes');
  } catch {
    return 'without a commit';
  }
}

export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.what,
    `${rounded(row.value)} ${row.unit}`.trim(),
    row.limit === null ? '–' : `${rounded(row.limit)} ${row.unit}`,
    row.ratio === null ? '–' : row.ratio.toFixed(2),
    row.target?.text ?? '–',
    row.target === null ? '–' : row.target.met ? 'yes' : 'no',
  ]);
  const head = ['what', 'value', 'limit', 'ratio', 'target', 'met'];
  return [head, ['---', '---:', '---:', '---:', '---', '---'], ...cells]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

/** Puts the report into docs/benchmarks.md, in place of the one before. */
export function writeTable(report: string): void {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} has no place for the table`);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${report}\n${END}${after}`);
}
