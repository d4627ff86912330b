import { HealthChecks } from '@darkroom/observability';
import type { ReadModels } from '@darkroom/read-models';
import type { ImageStorage } from '@darkroom/storage';
import type { LogConnection } from '../connections/log.js';

/** What the gateway depends on: accepting needs the log alone, lists need Postgres, and images the storage. */
export function gatewayChecks(log: LogConnection, readModels: ReadModels, storage: ImageStorage): HealthChecks {
  return new HealthChecks([
    { name: 'nats', check: () => log.check(), required: true },
    { name: 'postgres', check: () => readModels.check(), required: false },
    { name: 'storage', check: (signal) => storage.check(signal), required: false },
  ]);
}
