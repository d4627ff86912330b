import { resultOf } from '../models/result.js';
import { type PredictionPlan, promptOf } from '../predictions/prediction.js';
import type { Picture } from './draw-image.js';

/** Names of a prediction's files, in the order of its output. */
export function fileNamesOf(plan: PredictionPlan): string[] {
  const { count, format } = resultOf(plan);
  return Array.from({ length: count }, (_, index) => `out-${index}.${format}`);
}

/** One of its outputs. */
export function pictureOf(plan: PredictionPlan, index: number): Picture {
  const { width, height, format } = resultOf(plan);
  const { model, input, seed } = plan;
  const quality = typeof input['output_quality'] === 'number' ? input['output_quality'] : 80;
  const transparent = model.kind === 'background-removal';
  return { width, height, format, model: model.id, prompt: promptOf(input), seed, index, quality, transparent };
}
