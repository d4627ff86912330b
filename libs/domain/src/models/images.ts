import type { PropertySchema } from './input-schema.js';
import type { Model } from './model.js';

/** What our own storage keeps stands in a provider's input as this and the key. */
export const STORAGE_ADDRESS = 'storage:';

type Input = Readonly<Record<string, unknown>>;

/** Addresses of the images in a model's input, each once, in the order in which they stand there. */
export function imagesIn(model: Model | null, input: Input): string[] {
  const found = new Set<string>();
  withImages(model, input, (address) => {
    found.add(address);
    return address;
  });
  return [...found];
}

/** A model's input with something else in place of the address of each image. */
export function withImages(
  model: Model | null,
  input: Input,
  replace: (address: string) => string,
): Readonly<Record<string, unknown>> {
  const properties = model?.input.properties ?? {};
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (isImage(schema) && typeof value === 'string') return [name, replace(value)];
      if (isImage(schema?.items) && Array.isArray(value)) {
        return [name, value.map((item: unknown) => (typeof item === 'string' ? replace(item) : item))];
      }
      return [name, value];
    }),
  );
}

function isImage(schema: PropertySchema | undefined): boolean {
  return schema?.format === 'uri';
}
