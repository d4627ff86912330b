/** `npm test [-- <jest arguments>]`: every test tier, against a real NATS and a real PostgreSQL. */
import { leaveParent, requireSupportedNode } from './lib/node-runtime.mjs';
import { printError } from './lib/print.mjs';
import { runTests } from './lib/run-tests.mjs';
import { readSettings } from './lib/settings.mjs';

let report = { passed: 0, failed: 1 };
try {
  const settings = readSettings(process.env);
  await requireSupportedNode(settings.cacheDir);
  report = await runTests(settings, { args: process.argv.slice(2) });
} catch (error) {
  printError(error);
}
process.stdout.write(`${report.passed} passed, ${report.failed} failed\n`);
process.exitCode = report.failed > 0 ? 1 : 0;
leaveParent();
