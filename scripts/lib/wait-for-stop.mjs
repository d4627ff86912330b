import { onEndOfNpm } from './parent.mjs';

/** Ctrl-C under `npm start` arrives twice: from the terminal and, a moment later, passed on by npm. */
const SAME_KEYPRESS_MS = 1_000;

/**
 * Turns the ways in which a user ends a script into one abort signal: SIGINT, SIGTERM, SIGHUP, and the end of npm or of
 * the process that started this one on a newer Node.js. A second Ctrl-C calls `onForce`.
 *
 * @param {() => void} onForce
 * @returns {AbortSignal}
 */
export function stopSignal(onForce) {
  const controller = new AbortController();
  let since = 0;
  const onSignal = (/** @type {string} */ reason) => {
    if (!controller.signal.aborted) {
      since = Date.now();
      controller.abort(reason);
    } else if (Date.now() - since > SAME_KEYPRESS_MS) {
      onForce();
    }
  };
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => onSignal(signal));
  onEndOfNpm(() => controller.abort('the end of npm'));
  process.on('disconnect', () => controller.abort('the end of its parent'));
  return controller.signal;
}
