export { migrateReadModels, type MigrateOptions } from './database/migrate.js';
export { openReadModels, type ReadModels, type ReadModelsConfig } from './database/open-read-models.js';
export type { TablesState } from './database/inspect-tables.js';
export { LIVE_SCHEMA } from './database/schema-name.js';
export { ReadModelUnavailable } from './database/unavailable.js';
export { BadCursor, encodeCursor } from './generations/cursor.js';
export type { GenerationRow } from './generations/generations.projection.js';
export {
  GenerationsQuery,
  type GenerationFilters,
  type GenerationPage,
  type ListRequest,
} from './generations/generations.query.js';
export { checkLog } from './projector/check-log.js';
export { ProjectionError, type ProjectionErrorKind } from './projector/projection-error.js';
export { Projector, type Progress, type ProjectorOptions } from './projector/projector.js';
export { FailedQuery, type FailedCount, type FailedFilters, type FailedGeneration } from './failed/failed.query.js';
export { findLost, type FindLostOptions } from './stuck/find-lost.js';
export { IdleQuery, type IdleRequest } from './stuck/idle.query.js';
export { StuckQuery, type StuckGeneration } from './stuck/stuck.query.js';
export {
  rebuildReadModels,
  type RebuildOptions,
  type RebuildPhase,
  type RebuildProgress,
  type RebuildReport,
} from './rebuild/rebuild.js';
export { RebuildError, type RebuildErrorKind } from './rebuild/rebuild-error.js';
export { USAGE_GROUPS, UsageQuery, type Usage, type UsageGroup, type UsageRequest } from './usage/usage.query.js';
export { PositionWaiter } from './checkpoint/position-waiter.js';
