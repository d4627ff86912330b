export * from './private-url.js';
export * from './public-address.js';
