import type { JetStreamLogReader } from '@darkroom/events';
import { checkLog, ProjectionError, type ReadModels } from '@darkroom/read-models';
import { ok, problem, seconds, warning, type Finding } from './finding.js';

/** As the alert DarkroomProjectionLag. */
const LATE_SECONDS = 60;

/** Tables, what log they reflect, and how far. @param log null: it could not be reached */
export async function checkReadModels(readModels: ReadModels, log: JetStreamLogReader | null): Promise<Finding[]> {
  const { missingMigrations, unknownMigrations, checkpoint } = await readModels.inspect();
  const findings = [ok('postgres', 'answers')];
  if (missingMigrations.length > 0) {
    const todo = 'start a worker of this release with the role project: it migrates them';
    findings.push(problem('tables', `not migrated yet: ${missingMigrations.join(', ')}`, todo));
  } else if (unknownMigrations.length > 0) {
    const message = `a newer release has migrated them: ${unknownMigrations.join(', ')}`;
    findings.push(warning('tables', message, 'use the commands of that release'));
  } else {
    findings.push(ok('tables', 'are migrated'));
  }
  if (log) findings.push(await checkProjection(log, checkpoint));
  return findings;
}

async function checkProjection(
  log: JetStreamLogReader,
  checkpoint: { logId: string; position: number } | null,
): Promise<Finding> {
  const identity = await log.identify();
  const { last } = identity;
  const position = checkpoint?.position ?? 0;
  try {
    if (checkpoint) checkLog(identity, checkpoint);
  } catch (error) {
    if (!(error instanceof ProjectionError)) throw error;
    return problem('projection', error.message, 'if NATS_URL and DATABASE_URL are right: darkroom rebuild');
  }
  const behind = Math.max(0, last - position);
  const next = behind > 0 ? await log.timeAfter(position) : null;
  const late = next ? Math.max(0, Date.now() - next.getTime()) / 1_000 : 0;
  const told = `reflects the log up to position ${position} of ${last}`;
  if (late <= LATE_SECONDS) return ok('projection', told);
  const todo = 'start a worker with the role project; its log says "Projection interrupted" and why if one runs';
  return problem('projection', `${told}: lists are ${seconds(late)} behind`, todo);
}
