import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { eventually } from '../support/eventually.js';
import { hang } from '../support/hang.js';
import { guardServer, MALLOC, NODE_ARGS } from '../support/servers.mjs';
import { fingerprintOf } from './build.mjs';

const projectRoot = resolve(import.meta.dirname, '../..');

export type AppName = 'gateway' | 'worker' | 'simulator';

/** How a process ended, and how long that took from the moment it was waited for. Milliseconds. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly ms: number;
}

export interface AppOptions {
  readonly app: AppName;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Answers 200 when the process is ready. */
  readonly readyPath: string;
  /** Removed with the process when the tests are killed. */
  readonly folder: string;
  /** How long it may take to be ready. Milliseconds. Default 30,000. */
  readonly readyWithinMs?: number;
}

/** @throws Error when `dist` is not what the sources say: the tests would be about something else */
export function assertBuilt(): void {
  if (readIfThere(join(projectRoot, 'dist', '.built-from')) === fingerprintOf(projectRoot)) return;
  throw new Error('dist is missing, or was built from other sources: run these tests by `npm test -- test/system`');
}

/** One of the product's processes, as it is started from `dist`. */
export class AppProcess {
  readonly url: string;
  #child: ChildProcess | undefined;
  #ended: Promise<Omit<Ending, 'ms'>> = Promise.resolve({ code: null, signal: null });
  #stdout = '';
  #stderr = '';

  constructor(private readonly options: AppOptions) {
    this.url = `http://127.0.0.1:${options.port}`;
  }

  /** Starts it, again after it has ended, and waits until it is ready. */
  async start(): Promise<this> {
    this.#spawn();
    const pid = this.#child!.pid;
    await eventually(
      async () => {
        if (!this.isRunning) throw new Error(`${this.options.app} ended:\n${this.#stderr}`);
        return (await fetch(this.url + this.options.readyPath)).ok;
      },
      { timeoutMs: this.options.readyWithinMs ?? 30_000, what: `${this.options.app} (process ${pid}) to be ready` },
    );
    return this;
  }

  /** Whether it was started and has not ended. */
  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The most memory that was ever resident. Bytes. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  /** Freezes it: it takes connections and says nothing. Answers how to let it go on. */
  hang(): () => void {
    return hang(this.#child!.pid!);
  }

  /** Starts it and waits until it ends by itself. */
  async runToEnd(): Promise<Ending> {
    this.#spawn();
    return this.ends();
  }

  /** Waits until it ends by itself; kills it when it does not within 30 s, or `patienceMs` (null: waits for ever). */
  async ends({ patienceMs = 30_000 }: { patienceMs?: number | null } = {}): Promise<Ending> {
    const began = performance.now();
    const deadline = patienceMs === null ? undefined : setTimeout(() => this.#child?.kill('SIGKILL'), patienceMs);
    const ending = await this.#ended;
    clearTimeout(deadline);
    return { ...ending, ms: performance.now() - began };
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ending> {
    const began = performance.now();
    this.#child?.kill(signal);
    return { ...(await this.#ended), ms: performance.now() - began };
  }

  /** What it has written since its first start. */
  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Only what the test gives is in its environment: nothing of the developer's shell reaches the product. */
  #spawn(): void {
    const { app, env, folder } = this.options;
    const main = join(projectRoot, 'dist', 'apps', app, 'src', 'main.js');
    const child = spawn(process.execPath, [...NODE_ARGS, main], {
      cwd: folder,
      env: { ...MALLOC, PATH: process.env.PATH, LOG_LEVEL: 'warn', HOST: '127.0.0.1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (child.pid === undefined) throw new Error(`${app} could not be started`);
    const release = guardServer(child.pid, folder);
    child.stdout.on('data', (chunk: Buffer) => (this.#stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#child = child;
    this.#ended = new Promise((settle) => {
      child.once('close', (code, signal) => {
        release();
        settle({ code, signal });
      });
    });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
