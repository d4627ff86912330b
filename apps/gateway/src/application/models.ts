import { findModel, MODELS, presentModel, type ModelView } from '@darkroom/domain';
import { AppError } from '../errors/app-error.js';

/** All models; those that are not offered name what to ask for instead. */
export function listModels(): ModelView[] {
  return MODELS.map(presentModel);
}

/**
 * One model, offered or not.
 * @throws AppError `not_found`
 */
export function getModel(id: string): ModelView {
  const found = findModel(id);
  if (!found) throw new AppError('not_found', 'There is no such model');
  return presentModel(found);
}
