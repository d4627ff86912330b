/**
 * Polls until `condition` gives something truthy, and returns it.
 *
 * @template T
 * @param {() => T | Promise<T>} condition an error that it throws ends the waiting
 * @param {{ timeoutMs: number, what: string, intervalMs?: number }} options
 * @returns {Promise<Exclude<T, undefined | false>>}
 * @throws {Error} naming `what` when `timeoutMs` have passed
 */
export async function waitUntil(condition, { timeoutMs, what, intervalMs = 20 }) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result) return /** @type {Exclude<T, undefined | false>} */ (result);
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
