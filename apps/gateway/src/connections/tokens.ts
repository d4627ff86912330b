/** Injection token of the `ImageStorage`. */
export const STORAGE = Symbol('STORAGE');

/** Injection token of the `ReadModels`. */
export const READ_MODELS = Symbol('READ_MODELS');
