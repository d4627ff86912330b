import type { PropertySchema } from '../input-schema.js';

/** Short forms for the inputs that models publish. Each begins with the input's description. */

type Limits = Pick<PropertySchema, 'minimum' | 'maximum' | 'multipleOf'> & { readonly default?: number };

export function text(description: string, byDefault?: string): PropertySchema {
  return { type: 'string', ...(byDefault !== undefined && { default: byDefault }), description };
}

export function oneOf<T extends string | number>(
  description: string,
  values: readonly T[],
  byDefault?: T,
): PropertySchema {
  const type = typeof values[0] === 'number' ? 'integer' : 'string';
  return { type, enum: values, ...(byDefault !== undefined && { default: byDefault }), description };
}

export function whole(description: string, limits: Limits = {}): PropertySchema {
  return { type: 'integer', ...limits, description };
}

export function decimal(description: string, limits: Limits = {}): PropertySchema {
  return { type: 'number', ...limits, description };
}

export function flag(description: string, byDefault: boolean): PropertySchema {
  return { type: 'boolean', default: byDefault, description };
}

export function image(description: string): PropertySchema {
  return { type: 'string', format: 'uri', description };
}

export function images(description: string, byDefault?: readonly never[]): PropertySchema {
  return { type: 'array', items: image('Image'), ...(byDefault && { default: byDefault }), description };
}

export function listOf(description: string, type: 'string' | 'number'): PropertySchema {
  return { type: 'array', items: { type, description: 'Item' }, description };
}
