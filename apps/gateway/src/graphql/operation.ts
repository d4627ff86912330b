import { GraphQLError, getOperationAST, parse, specifiedRules, validate, type GraphQLSchema } from 'graphql';
import type { ExecutionArgs } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { AppError } from '../errors/app-error.js';
import type { GraphqlContext } from './context.js';
import { checkCost, PARSE_OPTIONS, VALIDATION_RULES } from './limits.js';
import { checkVariables } from './variables.js';

const RULES = [...specifiedRules, ...VALIDATION_RULES];

/**
 * What is to be executed, checked as Apollo checks operations over HTTP; or the errors for which nothing is.
 */
export function prepareOperation(
  schema: GraphQLSchema,
  { query, operationName, variables }: SubscribePayload,
  contextValue: GraphqlContext,
): ExecutionArgs | GraphQLError[] {
  try {
    const document = parse(query, PARSE_OPTIONS);
    const mistakes = validate(schema, document, RULES);
    if (mistakes.length > 0) return mistakes.map(documentError);
    const operation = getOperationAST(document, operationName);
    if (!operation) throw new AppError('bad_request', 'Which operation of the document is meant cannot be told');
    const variableValues = variables ?? {};
    checkVariables(schema, operation, variableValues);
    checkCost(schema, document, operation, variableValues);
    return { schema, document, operationName, variableValues, contextValue };
  } catch (error) {
    if (error instanceof AppError) return [new GraphQLError(error.detail, { originalError: error })];
    if (error instanceof GraphQLError) return [documentError(error)];
    throw error;
  }
}

/** What graphql-js finds in a document is a mistake of the client's. */
function documentError({ message, nodes, source, positions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { nodes, source, positions, originalError: new AppError('bad_request', message) });
}
