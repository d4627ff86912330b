import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../..');
const DOCUMENT = join(PROJECT, 'docs', 'reliability.md');
const [BEGIN, END] = ['<!-- table -->', '<!-- /table -->'];

/** Puts a table into docs/reliability.md, in place of the one before, with what it was made on. */
export function writeTable(table: string): void {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} has no place for the table`);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${machine()}\n\n${table}\n\n${END}${after}`);
}

function machine(): string {
  const processors = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, Darkroom ${commit()}, on ${processors.length} × ${processors[0]?.model.trim()},`,
    `${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}; Node.js ${process.versions.node}.`,
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
