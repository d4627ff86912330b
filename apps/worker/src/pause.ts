import { HandBack } from '@darkroom/events';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits in the midst of a piece of work.
 * @throws HandBack as soon as the worker is to end
 */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    throw signal.aborted ? new HandBack() : error;
  }
}
