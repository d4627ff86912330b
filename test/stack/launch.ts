import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A start of the stack, as a user's terminal sees it. */
export interface Launched {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it has printed so far. */
  output(): string;
  /** Resolves once the output matches; rejects when the process ends before. */
  prints(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  /** Resolves with its exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts a command in a process group of its own, as a terminal does. */
export function launch(command: string, args: string[], options: { cwd?: string; env: NodeJS.ProcessEnv }): Launched {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const watchers = new Set<() => void>();
  const onData = (chunk: Buffer) => {
    output += chunk.toString();
    for (const watcher of watchers) watcher();
  };
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  if (!child.pid) throw new Error(`${command} could not be started`);

  return {
    child,
    pid: child.pid,
    output: () => output,
    ended,
    prints: (pattern, withinMs = 60_000) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void) => {
          watchers.delete(look);
          clearTimeout(timer);
          finish();
        };
        const fail = (why: string) => settle(() => reject(new Error(`${why} without printing ${pattern}:\n${output}`)));
        const timer = setTimeout(() => fail(`${withinMs / 1_000} s passed`), withinMs);
        const look = () => {
          const match = pattern.exec(output);
          if (match) settle(() => resolve(match));
        };
        watchers.add(look);
        void ended.then(() => fail('it ended'));
        look();
      }),
  };
}

/** The process ids that a running stack has on record, by name. */
export async function recordedProcesses(dataDir: string): Promise<Record<string, number>> {
  const folder = join(dataDir, 'run');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json'));
  const records = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as { name: string; pid: number }),
  );
  return Object.fromEntries(records.map(({ name, pid }) => [name, pid]));
}
