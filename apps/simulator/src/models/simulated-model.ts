export type ImageFormat = 'webp' | 'jpg' | 'png';

/** A field of a model's input, in the part of JSON Schema that Replicate's image models use. */
export interface InputField {
  readonly type: 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly default?: string | number | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: 'uri';
}

export type SizeRule =
  | {
      readonly kind: 'aspect_ratio';
      readonly pixels: Readonly<Record<string, readonly [width: number, height: number]>>;
    }
  | { readonly kind: 'width_height' };

/** What the simulator knows of one image model. */
export interface SimulatedModel {
  /** `owner/name`. */
  readonly id: string;
  /** Hash of a community model; null for an official model, which is called by name. */
  readonly version: string | null;
  readonly size: SizeRule;
  readonly defaultFormat: ImageFormat;
  readonly input: {
    readonly type: 'object';
    readonly properties: Readonly<Record<string, InputField>>;
    readonly required: readonly string[];
  };
}
