export * from './inspect-image.js';
