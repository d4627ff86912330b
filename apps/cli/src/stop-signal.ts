import { constants } from 'node:os';

/** Ctrl-C under npm arrives more than once: from the terminal, and passed on. Milliseconds. */
const SAME_KEYPRESS_MS = 1_000;

/** The user, or the system, ends the command. */
export class Stopped extends Error {
  /** As a shell gives it for a process that a signal ended. */
  readonly exitCode: number;

  constructor(readonly signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Aborts, with Stopped, on SIGINT or SIGTERM. A second one, later, ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let since = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (!controller.signal.aborted) {
        since = Date.now();
        controller.abort(new Stopped(signal));
      } else if (Date.now() - since > SAME_KEYPRESS_MS) {
        process.exit(new Stopped(signal).exitCode);
      }
    });
  }
  return controller.signal;
}
