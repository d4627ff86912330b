import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Longest wait for a process to be ready, or to end. Milliseconds. */
const PATIENCE_MS = 30_000;

export interface ProcessOptions {
  readonly name: string;
  /** Of the compiled main file, relative to `dist`. */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Answers 2xx when the process is ready. */
  readonly readyPath: string;
  /** Takes what the process writes. */
  readonly folder: string;
}

/** A process under measurement, as an operator would start it: its log goes to a file. */
export class MeasuredProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly name: string,
  ) {}

  static async start({ name, main, env, port, readyPath, folder }: ProcessOptions): Promise<MeasuredProcess> {
    const log = join(folder, `${name}-${port}.log`);
    const output = openSync(log, 'a');
    const file = join(import.meta.dirname, '../..', main);
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: folder,
      env: { HOST: '127.0.0.1', ...env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const started = new MeasuredProcess(`http://127.0.0.1:${port}`, child, name);
    try {
      await until(`${name} to be ready`, async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended:\n${readFileSync(log, 'utf8')}`);
        return fetch(started.url + readyPath).then(
          ({ ok }) => ok,
          () => false,
        );
      });
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  /** Resident memory now. Bytes. */
  residentBytes(): number {
    return this.#memory('VmRSS');
  }

  /** The most memory that was ever resident. Bytes. */
  peakBytes(): number {
    return this.#memory('VmHWM');
  }

  #memory(line: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    const kilobytes = new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kilobytes === undefined) throw new Error(`${this.name} has ended`);
    return Number(kilobytes) * 1_024;
  }

  /**
   * Resident memory once it has not moved by 1 % for 20 seconds, or when `seconds` have passed: V8 takes its time to give
   * back what a load has left. Bytes.
   */
  async settledBytes(seconds: number): Promise<number> {
    const seen: number[] = [this.residentBytes()];
    for (let second = 0; second < seconds; second++) {
      await delay(1_000);
      seen.push(this.residentBytes());
      const recent = seen.slice(-20);
      if (recent.length === 20 && Math.max(...recent) - Math.min(...recent) < 0.01 * Math.max(...recent)) break;
    }
    return seen.at(-1)!;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const patience = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE_MS);
    await ended;
    clearTimeout(patience);
  }
}

/** Polls until `condition` is true. */
export async function until(what: string, condition: () => Promise<boolean>, timeoutMs = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${timeoutMs / 1_000} s in vain for ${what}`);
    await delay(20);
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
