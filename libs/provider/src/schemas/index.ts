import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { fileSchema, type ReplicateFile } from './file.schema.js';
import {
  predictionPageSchema,
  predictionSchema,
  type ReplicatePage,
  type ReplicatePrediction,
} from './prediction.schema.js';
import { problemSchema, type ReplicateProblem } from './problem.schema.js';
import {
  createEnvelopeSchema,
  modelPredictionRequestSchema,
  versionPredictionRequestSchema,
} from './request.schema.js';

export type { ReplicateFile, ReplicatePage, ReplicatePrediction, ReplicateProblem };

/** JSON Schemas of the part of Replicate's HTTP API that Darkroom speaks. */
export const schemas = {
  prediction: predictionSchema,
  predictionPage: predictionPageSchema,
  file: fileSchema,
  problem: problemSchema,
  modelPredictionRequest: modelPredictionRequestSchema,
  versionPredictionRequest: versionPredictionRequestSchema,
  createEnvelope: createEnvelopeSchema,
} as const;

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
formats.default(ajv, ['date-time', 'uri']);

export const isPrediction: ValidateFunction<ReplicatePrediction> = ajv.compile(predictionSchema);
export const isPredictionPage: ValidateFunction<ReplicatePage> = ajv.compile(predictionPageSchema);
export const isFile: ValidateFunction<ReplicateFile> = ajv.compile(fileSchema);
export const isProblem: ValidateFunction<ReplicateProblem> = ajv.compile(problemSchema);
export const isModelPredictionRequest = ajv.compile(modelPredictionRequestSchema);
export const isVersionPredictionRequest = ajv.compile(versionPredictionRequestSchema);
export const isCreateEnvelope = ajv.compile(createEnvelopeSchema);

/** What the last call of the validator found wrong, in one line. */
export function violations(validate: ValidateFunction<unknown>): string {
  return ajv.errorsText(validate.errors, { dataVar: 'body' });
}
