import type { SimulatedModel } from '../models/simulated-model.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels of the picture that `input`, which the model's schema allows, asks for. */
export function sizeOf(model: SimulatedModel, input: Readonly<Record<string, unknown>>): Size {
  const value = (field: string) => input[field] ?? model.input.properties[field]?.default;
  if (model.size.kind === 'width_height') {
    return { width: Math.max(1, Number(value('width'))), height: Math.max(1, Number(value('height'))) };
  }
  const ratio = value('aspect_ratio');
  const [width, height] = (typeof ratio === 'string' && model.size.pixels[ratio]) || [1_024, 1_024];
  const scale = value('megapixels') === '0.25' ? 0.5 : 1;
  return { width: width * scale, height: height * scale };
}
