/** Injection token of the `ImageStorage`. */
export const STORAGE = Symbol('STORAGE');

/** Injection token of the `GatewayConfig`. */
export const CONFIG = Symbol('CONFIG');
