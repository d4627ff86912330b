import type { FieldError } from '@darkroom/domain';
import {
  coerceInputValue,
  isInputType,
  isNonNullType,
  typeFromAST,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { invalid } from '../errors/app-error.js';

/** More than anybody reads; each costs time to make. */
const MOST_ERRORS = 50;

/** Characters: the texts of graphql-js quote the value, whatever its length. */
const LONGEST_REASON = 200;

/**
 * Checks that variables fit their types, and says of each wrong one which field of it is wrong, as REST does. (The
 * executor checks the same, and puts it all into one text.)
 * @throws AppError `validation_failed`
 */
export function checkVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const errors: FieldError[] = [];
  const add = (path: readonly (string | number)[], variable: string, reason: string): void => {
    const field = (path.join('.') || variable).slice(0, LONGEST_REASON);
    errors.push({ field, message: `${field}: ${reason.slice(0, LONGEST_REASON)}` });
    if (errors.length >= MOST_ERRORS) throw invalid(errors);
  };

  for (const { variable, type: typeNode, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode);
    if (!isInputType(type)) continue;
    if (!Object.hasOwn(variables, name)) {
      if (isNonNullType(type) && !defaultValue) add([], name, 'is required');
      continue;
    }
    coerceInputValue(variables[name], type, (path, _value, { message }) => {
      // Of a field that is missing or unknown only the text says the name; the path is of the object around it.
      const named = /^Field "([^"]+)"/.exec(message)?.[1];
      add(named === undefined ? path : [...path, named], name, message);
    });
  }
  if (errors.length > 0) throw invalid(errors);
}
