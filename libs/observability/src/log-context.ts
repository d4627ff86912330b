import { AsyncLocalStorage } from 'node:async_hooks';

/** Fields that every log line carries while the work they describe is under way, across its awaits. */
export interface LogContext {
  readonly request_id?: string;
  readonly trace_id?: string;
  readonly generation_id?: string;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs `work` with these fields added to those of the surrounding context. */
export function withLogContext<T>(fields: LogContext, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...fields }, work);
}

export function logContext(): LogContext {
  return storage.getStore() ?? {};
}
