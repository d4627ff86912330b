export * from './event-store.js';
export * from './execute.js';
export * from './log-reader.js';
