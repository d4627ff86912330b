export * from './name-servers.js';
export * from './private-url.js';
export * from './public-address.js';
