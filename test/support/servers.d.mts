import type { ChildProcess } from 'node:child_process';

export interface RunningServer {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}
export function makeWhole(destination: string, make: (unfinished: string) => void | Promise<void>): Promise<void>;
export function withDebianPackage(
  options: { name: string; suite?: string; etc?: string; signal?: AbortSignal },
  use: (folder: string) => void | Promise<void>,
): Promise<void>;
export function guardServer(pid: number, folder: string): () => void;
export function freePort(preferred?: number): Promise<number>;
export function startNatsServer(options: {
  binary: string;
  dir: string;
  port?: number;
  logFile: string;
  maxFileBytes?: number;
}): Promise<RunningServer>;
export function startTemporaryPostgres(options: {
  projectRoot: string;
  folder: string;
  port?: number;
}): Promise<RunningServer>;
export function endProcess(
  pid: number,
  steps: { signal: NodeJS.Signals; graceMs: number }[],
): Promise<NodeJS.Signals | undefined>;
export const NODE_ARGS: readonly string[];
export const MALLOC: Readonly<Record<string, string>>;
export function isAlive(pid: number): boolean;
export function waitUntil<T>(
  condition: () => T | Promise<T>,
  options: { timeoutMs: number; what: string; intervalMs?: number },
): Promise<Exclude<T, undefined | false>>;
