const LOOK_EVERY_MS = 250;

/**
 * Calls back when the npm that started this process is gone, killed in a way that it could not pass on. A process that
 * was not started by npm may outlive its parent: that is how one starts it in the background.
 *
 * @param {() => void} callback
 */
export function onEndOfNpm(callback) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, LOOK_EVERY_MS);
  timer.unref();
}
