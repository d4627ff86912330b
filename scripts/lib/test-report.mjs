/**
 * Counts a test run from jest's JSON report. A suite that could not run is a failure, and so is a run that ended badly
 * without naming any.
 *
 * @param {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number } | undefined} report
 * undefined when jest did not get as far as writing one
 * @param {number} exitCode of jest
 * @returns {{ passed: number, failed: number }}
 */
export function countTests(report, exitCode) {
  const passed = report?.numPassedTests ?? 0;
  const failed = (report?.numFailedTests ?? 0) + (report?.numRuntimeErrorTestSuites ?? 0);
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}
