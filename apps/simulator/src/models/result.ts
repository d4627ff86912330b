import { expectedResult, type ExpectedResult } from '@darkroom/domain';
import type { ImageFormat } from '../files/draw-image.js';
import type { PredictionPlan } from '../predictions/prediction.js';

const FORMATS: readonly ImageFormat[] = ['webp', 'png', 'jpg', 'jpeg', 'svg'];

/** What a prediction's model makes of its input, by the catalogue; webp where the format is not published. */
export function resultOf({
  model,
  input,
  sourceSize,
}: PredictionPlan): ExpectedResult & { readonly format: ImageFormat } {
  const result = expectedResult(model, input, sourceSize ?? null);
  return { ...result, format: drawable(result.format ?? 'webp') };
}

/** A model whose format is free text makes something that can be drawn. */
function drawable(format: string): ImageFormat {
  return FORMATS.find((known) => known === format) ?? 'png';
}
