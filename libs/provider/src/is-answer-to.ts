import canonicalize from 'canonicalize';
import type { Prediction, PredictionRequest } from './provider.port.js';

/** Whether a prediction could be the answer to this request: it has the same model and the same input. */
export function isAnswerTo({ model, input }: Prediction, asked: Pick<PredictionRequest, 'model' | 'input'>): boolean {
  return model === asked.model && canonicalize(input) === canonicalize(asked.input);
}
