import { publishedInput, type Model } from '@darkroom/domain';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

export interface InvalidField {
  readonly type: string;
  readonly field: string;
  readonly description: string;
}

const ajv = new Ajv({ allErrors: true });
formats.default(ajv, ['uri']);
const validators = new WeakMap<Model, ValidateFunction>();

/** What is wrong with an input by the schema that the model publishes, worded as Replicate words it; fields it does not know are ignored. */
export function checkInput(model: Model, input: unknown): InvalidField[] {
  const validate = validators.get(model) ?? ajv.compile({ type: 'object', ...publishedInput(model) });
  validators.set(model, validate);
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
      const allowed = (params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ');
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
