/** What the tests take from the scripts, in one place: `servers.d.mts` beside it gives it types. */
export { makeWhole } from '../../scripts/lib/atomic.mjs';
export { withDebianPackage } from '../../scripts/lib/debian-package.mjs';
export { guardServer } from '../../scripts/lib/guard.mjs';
export { freePort } from '../../scripts/lib/ports.mjs';
export { startNatsServer } from '../../scripts/lib/nats-server.mjs';
export { endProcess, isAlive } from '../../scripts/lib/process.mjs';
export { MALLOC, NODE_ARGS } from '../../scripts/lib/services.mjs';
export { startTemporaryPostgres } from '../../scripts/lib/temporary-postgres.mjs';
export { waitUntil } from '../../scripts/lib/wait.mjs';
