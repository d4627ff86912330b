/** The part of JSON Schema that the inputs of image models are described with. */
export interface PropertySchema {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  readonly description: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly format?: 'uri';
  readonly items?: PropertySchema;
  readonly maxItems?: number;
  readonly default?: unknown;
}

export interface InputSchema {
  readonly properties: Readonly<Record<string, PropertySchema>>;
  readonly required: readonly string[];
}

const HTTP_URL = /^https?:\/\/[^\s/]+\S*$/i;

/**
 * What is wrong with a value, as the end of a sentence ("must be at most 4"); null when it is taken. An integer must be
 * one that JSON carries exactly, a `uri` an absolute http(s) address.
 */
export function faultOf(schema: PropertySchema, value: unknown): string | null {
  if (!hasType(schema.type, value)) return `must be ${ARTICLE[schema.type]}`;
  if (schema.enum && !schema.enum.some((allowed) => allowed === value))
    return `must be one of ${schema.enum.join(', ')}`;
  if (typeof value === 'number') return numberFault(schema, value);
  if (typeof value === 'string' && schema.format === 'uri' && !HTTP_URL.test(value)) return 'must be an http(s) URL';
  if (Array.isArray(value)) return listFault(schema, value);
  return null;
}

const ARTICLE: Readonly<Record<PropertySchema['type'], string>> = {
  string: 'a string',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
};

function hasType(type: PropertySchema['type'], value: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}

function numberFault({ minimum, maximum, multipleOf }: PropertySchema, value: number): string | null {
  if (minimum !== undefined && value < minimum) return `must be at least ${minimum}`;
  if (maximum !== undefined && value > maximum) return `must be at most ${maximum}`;
  if (multipleOf !== undefined && value % multipleOf !== 0) return `must be a multiple of ${multipleOf}`;
  return null;
}

function listFault({ items, maxItems }: PropertySchema, values: readonly unknown[]): string | null {
  if (maxItems !== undefined && values.length > maxItems) return `must hold at most ${maxItems} items`;
  if (!items) return null;
  const fault = values.map((value) => faultOf(items, value)).find((found) => found !== null);
  return fault === undefined ? null : `must hold items each of which ${fault}`;
}
