export * from './health.js';
export * from './log-context.js';
export * from './logging.js';
export * from './metrics.js';
export * from './metrics.module.js';
export * from './observe-appended.js';
export * from './traceparent.js';
