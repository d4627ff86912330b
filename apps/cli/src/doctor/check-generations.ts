import type { ReadModels } from '@darkroom/read-models';
import { findStuck } from '../stuck/find-stuck.js';
import type { Stores } from '../stores.js';
import { ok, problem, warning, type Finding } from './finding.js';

const HOUR_MS = 3_600_000;
/** As a worker's sweeper does by default. Milliseconds. */
const IDLE_MS = 120_000;

/** What does not come to its end. */
export async function checkStuck(stores: Stores): Promise<Finding[]> {
  const stuck = await findStuck(stores, new Date(), IDLE_MS);
  if (stuck.length === 0) return [ok('stuck', 'nothing')];
  const lost = stuck.filter(({ why }) => why === 'lost').length;
  const findings: Finding[] = [];
  if (lost > 0) {
    const todo = 'start a worker with the role sweep, or: darkroom stuck --release';
    findings.push(warning('stuck', `${lost} generations wait although there is no work of them`, todo));
  }
  if (stuck.length > lost) {
    findings.push(problem('stuck', `${stuck.length - lost} generations make no progress`, 'darkroom stuck'));
  }
  return findings;
}

/** What failed within the hour and is still failed, by why. */
export async function checkFailures({ failed }: ReadModels): Promise<Finding[]> {
  const counts = await failed.counts({ since: new Date(Date.now() - HOUR_MS).toISOString() });
  if (counts.length === 0) return [ok('failed, last hour', 'nothing')];
  return counts.map(({ stage, code, count }) =>
    warning(
      'failed, last hour',
      `${count} at ${stage} with ${code}`,
      `docs/operations.md, DarkroomFailing; then: darkroom redrive --since 1h --code ${code}`,
    ),
  );
}
