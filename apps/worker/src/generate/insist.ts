import type { Command } from '@darkroom/domain';
import { EventStoreError, type CommandRunner, type Outcome, type Snapshot } from '@darkroom/events';
import { pause } from '../pause.js';

/** Pause between looks whether the log answers again. Milliseconds. */
const LOG_PAUSE_MS = 250;

/**
 * Carries out the command that begins an attempt. While the log does not answer, only this worker knows that nothing was
 * asked of the provider: handed back now, the attempt would be one of unknown outcome. The same command, repeated, is
 * carried out once.
 * @throws HandBack; EventStoreError when the log does not take it for certain
 */
export async function insist(
  runner: CommandRunner,
  id: string,
  command: Command,
  known: Snapshot,
  signal: AbortSignal,
): Promise<Outcome> {
  for (let inDoubt = false; ;) {
    try {
      return await runner.execute(id, command, null, known);
    } catch (error) {
      if (!(error instanceof EventStoreError)) throw error;
      inDoubt ||= error.kind === 'unknown';
      if (!inDoubt) throw error;
      await pause(LOG_PAUSE_MS, signal);
    }
  }
}
