import { setInterval as every } from 'node:timers/promises';
import type { ReadModels } from '../database/open-read-models.js';

const EVERY_MS = 5_000;

/**
 * Asks Postgres for a sign of life while long statements run, which have no time limit of their own, and calls back when
 * there is none within the time limit of `models`.
 */
export function heartbeat(models: ReadModels, onSilence: () => void): { stop(): void } {
  const stopped = new AbortController();
  const beat = async (): Promise<void> => {
    for await (const _ of every(EVERY_MS, undefined, { signal: stopped.signal })) await models.em.execute('SELECT 1');
  };
  beat().catch(() => {
    if (!stopped.signal.aborted) onSilence();
  });
  return { stop: () => stopped.abort() };
}
