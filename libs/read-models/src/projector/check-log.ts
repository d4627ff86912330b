import type { LogIdentity } from '@darkroom/events';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { ProjectionError } from './projection-error.js';

/**
 * Refuses a log that the checkpoint cannot be continued with.
 * @throws ProjectionError `log_mismatch`, `log_shorter`, `log_truncated`
 */
export function checkLog(log: LogIdentity, checkpoint: Checkpoint): void {
  const { logId, position } = checkpoint;
  if (log.id !== logId) {
    throw new ProjectionError(
      'log_mismatch',
      `The read models were projected from log ${logId}, but this is log ${log.id}. ` +
        `Connect the log that belongs to them, or rebuild them from this one.`,
    );
  }
  if (log.last < position) {
    throw new ProjectionError(
      'log_shorter',
      `The log ends at position ${log.last}, but the read models reflect it up to ${position}: it has lost events. ` +
        `Restore the log, or rebuild the read models from what is left.`,
    );
  }
  if (log.first > position + 1) {
    throw new ProjectionError(
      'log_truncated',
      `The log begins at position ${log.first}, but the read models need it from ${position + 1}: events in between ` +
        `were removed. Restore them from the archive.`,
    );
  }
}
