export * from './generation/commands.js';
export * from './generation/decide.js';
export * from './generation/events.js';
export * from './generation/failure-codes.js';
export * from './generation/generation.js';
export * from './generation/view.js';
export * from './ids.js';
