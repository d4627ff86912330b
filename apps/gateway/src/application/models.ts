import { findModel, MODELS, presentModel, type ModelView } from '@darkroom/domain';
import { AppError } from '../errors/app-error.js';

/** The models that can be asked for. */
export function listModels(): ModelView[] {
  return MODELS.filter(({ active }) => active).map(presentModel);
}

/**
 * One model; `active` is false for one no longer offered.
 * @throws AppError `not_found`
 */
export function getModel(id: string): ModelView {
  const found = findModel(id);
  if (!found) throw new AppError('not_found', 'There is no such model');
  return presentModel(found);
}
