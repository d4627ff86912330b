import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hang } from './hang.js';
import { endProcess, freePort, guardServer, type RunningServer, startNatsServer } from './servers.mjs';

/** A real nats-server of one test suite, with JetStream that flushes every write to disk. */
export interface TestNats {
  /** `nats://127.0.0.1:<port>`; the same for the whole life of the server, restarts included. */
  readonly url: string;
  /** Folder of its configuration, its log and its streams. */
  readonly dir: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Kills it without warning, as a power cut would; the folder stays for `restart`. */
  kill9(): Promise<void>;
  /** Freezes it: it takes connections and says nothing. Answers how to let it go on. */
  hang(): () => void;
  /** Starts it again on the same port and folder; stops it first when it runs. */
  restart(): Promise<void>;
}

/**
 * Starts a nats-server on a free port in a temporary folder and waits until it takes clients. It does not outlive the
 * test process, however that ends.
 *
 * @param options `maxFileBytes`: how much disk its streams may take together
 * @throws when NATS_SERVER_BIN is unset (`npm test` sets it) or the server does not start
 */
export async function startNats({ maxFileBytes }: { maxFileBytes?: number } = {}): Promise<TestNats> {
  const binary = process.env.NATS_SERVER_BIN;
  if (!binary) throw new Error('NATS_SERVER_BIN is unset: run the tests by `npm test -- <path>`, or set it.');

  const dir = await mkdtemp(join(tmpdir(), 'darkroom-nats-'));
  const start = (port: number) =>
    startNatsServer({ binary, dir, logFile: join(dir, 'server.log'), port, maxFileBytes });
  let server: RunningServer = await start(await freePort());
  let release = guardServer(server.pid, dir);

  return {
    url: server.url,
    dir,
    async stop() {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
      release();
    },
    async kill9() {
      await endProcess(server.pid, [{ signal: 'SIGKILL', graceMs: 10_000 }]);
    },
    hang: () => hang(server.pid),
    async restart() {
      await server.stop();
      server = await start(server.port);
      release();
      release = guardServer(server.pid, dir);
    },
  };
}
