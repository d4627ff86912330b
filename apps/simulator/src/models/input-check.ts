import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { SimulatedModel } from './simulated-model.js';

export interface InvalidField {
  readonly type: string;
  readonly field: string;
  readonly description: string;
}

const ajv = new Ajv({ allErrors: true });
formats.default(ajv, ['uri']);
const validators = new Map<string, ValidateFunction>();

/** What is wrong with an input by the model's schema, worded as Replicate words it; fields it does not know are ignored. */
export function checkInput(model: SimulatedModel, input: unknown): InvalidField[] {
  let validate = validators.get(model.id);
  if (!validate) {
    validate = ajv.compile(model.input);
    validators.set(model.id, validate);
  }
  return validate(input) ? [] : (validate.errors ?? []).map(describe);
}

/** The `detail` of Replicate's 422: one line for each field. */
export function detailOf(fields: readonly InvalidField[]): string {
  return fields.map(({ field, description }) => `- ${field}: ${description}\n`).join('');
}

function describe(error: ErrorObject): InvalidField {
  const field = `input${error.instancePath.replaceAll('/', '.')}`;
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'required':
      return { type: 'required', field, description: `${String(params['missingProperty'])} is required` };
    case 'enum': {
      const allowed = (params['allowedValues'] as string[]).map((value) => `"${value}"`).join(', ');
      return { type: 'enum', field, description: `must be one of the following: ${allowed}` };
    }
    case 'minimum':
      return { type: 'number_gte', field, description: `Must be greater than or equal to ${String(params['limit'])}` };
    case 'maximum':
      return { type: 'number_lte', field, description: `Must be less than or equal to ${String(params['limit'])}` };
    case 'type':
      return { type: 'invalid_type', field, description: `Invalid type. Expected: ${String(params['type'])}` };
    default:
      return { type: error.keyword, field, description: error.message ?? 'is invalid' };
  }
}
