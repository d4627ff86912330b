import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { endLeftovers, forgetProcess, recordProcess } from './run-records.mjs';
import { startEmbeddedNats, startEmbeddedPostgres } from './embedded-servers.mjs';
import { lockHolder, tryLock } from './lock.mjs';
import { isPortFree } from './ports.mjs';
import { isAlive, sendSignal } from './process.mjs';
import { startService } from './service.mjs';
import { stopSignal } from './wait-for-stop.mjs';
import { waitUntil } from './wait.mjs';

const ENDING_TAKES_MS = 4_000;

/**
 * What a stack is made of.
 *
 * @typedef {object} StackPlan
 * @property {string} projectRoot
 * @property {string} dataDir
 * @property {{ variable: string, port: number, host: string }[]} ports what the services will listen on
 * @property {string | undefined} databaseUrl undefined: an embedded server is started
 * @property {string | undefined} natsUrl undefined: an embedded server is started
 * @property {(signal: AbortSignal) => Promise<{ natsBinary: string }>} prepare what is to be done before anything starts
 * @property {(addresses: { databaseUrl: string, natsUrl: string }) => import('./service.mjs').Service[]} services in
 * the order in which they start; they stop in the reverse order
 * @property {() => void} announce called when everything is ready
 * @property {(name: string, line: string) => void} print
 * @property {number} [readyWithinMs] for each service
 */

/**
 * @typedef {object} Part something that runs
 * @property {string} name
 * @property {number} pid
 * @property {import('node:child_process').ChildProcess} child
 * @property {() => string[]} lastLines
 * @property {() => Promise<void>} stop
 */

/**
 * Starts the stack, keeps it up until the user ends it or a part of it dies, and stops all of it.
 *
 * @param {StackPlan} plan
 * @returns {Promise<number>} exit code: 0 when the user ended it, 1 when a part died
 * @throws {Error} when it cannot be started; nothing is left running then
 */
export async function runStack(plan) {
  const { dataDir, print } = plan;
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const lock = await lockDataDir(dataDir);
  /** @type {Part[]} */
  const parts = [];
  const stopping = stopSignal(() => killNow(parts));
  stopping.addEventListener('abort', () => print('stack', `stopping (${stopping.reason})`));
  try {
    for (const { name, pid } of await endLeftovers(dataDir)) {
      print('stack', `ended ${name} (process ${pid}), which a killed start had left running`);
    }
    await refuseTakenPorts(plan.ports);
    const prepared = await plan.prepare(stopping);
    return await runParts(plan, { ...prepared, parts, stopping });
  } catch (error) {
    if (stopping.aborted) return 0;
    throw error;
  } finally {
    await stopParts(parts, plan);
    lock.release();
  }
}

/**
 * @param {string} dataDir
 * @returns {number | undefined} the process of the stack that runs from this DATA_DIR
 */
export function runningStack(dataDir) {
  return lockHolder(lockFile(dataDir));
}

/** @param {string} dataDir */
function lockFile(dataDir) {
  return join(dataDir, 'run', 'stack.lock');
}

/**
 * A stack that is just ending is waited for.
 *
 * @param {string} dataDir
 */
async function lockDataDir(dataDir) {
  const file = lockFile(dataDir);
  let holder = 0;
  try {
    return await waitUntil(
      () => {
        const attempt = tryLock(file);
        if ('release' in attempt) return attempt;
        holder = attempt.heldBy;
        return undefined;
      },
      { timeoutMs: ENDING_TAKES_MS, intervalMs: 200, what: 'the end of another stack' },
    );
  } catch (error) {
    if (!holder) throw error;
    throw new Error(
      `Darkroom already runs from ${dataDir} (process ${holder}). End that one (Ctrl-C there, or kill ${holder}), or ` +
        'start a second one with another DATA_DIR, PORT, WORKER_PORT and SIMULATOR_PORT.',
      { cause: error },
    );
  }
}

/**
 * @param {StackPlan} plan
 * @param {{ natsBinary: string, parts: Part[], stopping: AbortSignal }} state
 * @returns {Promise<number>}
 */
async function runParts(plan, { natsBinary, parts, stopping }) {
  const { projectRoot, dataDir, print } = plan;
  const death = new AbortController();
  const check = () => {
    stopping.throwIfAborted();
    death.signal.throwIfAborted();
  };
  const recorder = (/** @type {string} */ name) => (/** @type {number} */ pid) =>
    recordProcess(dataDir, { name, pid, order: parts.length });
  const add = (/** @type {Part} */ part) => {
    parts.push(part);
    const onExit = () => {
      if (!stopping.aborted && !death.signal.aborted) death.abort(new Error(describeDeath(part)));
    };
    if (part.child.exitCode !== null || part.child.signalCode !== null) onExit();
    // `close` comes after the last line of output was read, `exit` before.
    part.child.once('close', onExit);
  };

  let { databaseUrl, natsUrl } = plan;
  check();
  if (!databaseUrl) {
    const postgres = await startEmbeddedPostgres({ projectRoot, dataDir, onSpawn: recorder('postgres') });
    add(postgres);
    databaseUrl = postgres.url;
    print('postgres', `PostgreSQL on 127.0.0.1:${postgres.port}, data in ${postgres.dataDir}`);
  }
  check();
  if (!natsUrl) {
    const nats = await startEmbeddedNats({ binary: natsBinary, dataDir, onSpawn: recorder('nats') });
    add(nats);
    natsUrl = nats.url;
    print('nats', `nats-server with JetStream on ${nats.url}, data in ${nats.dataDir}`);
  }
  const readyWithinMs = plan.readyWithinMs ?? 60_000;
  for (const service of plan.services({ databaseUrl, natsUrl })) {
    check();
    const running = startService(service, { print, onSpawn: recorder(service.name), readyWithinMs, check });
    add(running);
    await running.ready();
  }
  plan.announce();
  return untilEnd({ stopping, death: death.signal, print });
}

/**
 * @param {{ stopping: AbortSignal, death: AbortSignal, print: (name: string, line: string) => void }} ends
 * @returns {Promise<number>}
 */
function untilEnd({ stopping, death, print }) {
  return new Promise((resolve) => {
    const onDeath = () => {
      for (const line of death.reason.message.split('\n')) print('stack', line);
      resolve(1);
    };
    if (stopping.aborted) return resolve(0);
    if (death.aborted) return onDeath();
    stopping.addEventListener('abort', () => resolve(0), { once: true });
    death.addEventListener('abort', onDeath, { once: true });
  });
}

/** @param {Part} part */
function describeDeath({ name, child, lastLines }) {
  const how = child.signalCode ? `was ended by ${child.signalCode}` : `ended with code ${child.exitCode}`;
  return [`${name} ${how}, so the stack ends. What it said last:`, ...lastLines()].join('\n');
}

/** @param {StackPlan['ports']} ports */
async function refuseTakenPorts(ports) {
  const lines = [];
  for (const { variable, port, host } of ports) {
    const twin = ports.find((other) => other.port === port);
    if (twin && twin.variable !== variable) lines.push(`${variable} and ${twin.variable} are both ${port}.`);
    if (!(await isPortFree(port, host))) {
      lines.push(`Port ${port} is taken by another program: free it, or set ${variable} to another port.`);
    }
  }
  if (lines.length > 0) throw new Error(lines.join('\n'));
}

/**
 * Ends the parts one after the other, last started first: nothing loses what it depends on while it ends.
 *
 * @param {Part[]} parts
 * @param {StackPlan} plan
 */
async function stopParts(parts, { dataDir, print }) {
  for (const part of [...parts].reverse()) {
    try {
      await part.stop();
      forgetProcess(dataDir, part.name);
    } catch (error) {
      print('stack', `${part.name}: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {Part[]} parts */
function killNow(parts) {
  for (const { pid } of parts) if (isAlive(pid)) sendSignal(pid, 'SIGKILL');
  process.exit(1);
}
