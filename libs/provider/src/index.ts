export * from './is-answer-to.js';
export * from './provider.port.js';
export { authorizationFor } from './replicate/authorization.js';
export type { CallObserver, Operation, ProviderCall, RateLimits } from './replicate/provider-fetch.js';
export { ReplicateProvider } from './replicate/replicate.provider.js';
export type { ReplicateOptions } from './replicate/replicate.provider.js';
export { InvalidWebhookError, verifyReplicateWebhook } from './replicate/webhook.js';
export { schemas } from './schemas/index.js';
