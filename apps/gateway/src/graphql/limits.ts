import { MODELS } from '@darkroom/domain';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import {
  GraphQLError,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type ParseOptions,
  type ValidationRule,
} from 'graphql';
import { getComplexity, type ComplexityEstimatorArgs } from 'graphql-query-complexity';
import { AppError } from '../errors/app-error.js';

/** The largest document, and the recursion of whoever parses it. Introspection as tools ask for it has some 160. */
const MOST_TOKENS = 2_000;
export const PARSE_OPTIONS: ParseOptions = { maxTokens: MOST_TOKENS };

/** Nested fields. The deepest of the schema is generations.edges.node.images.id: only __type goes deeper. */
const DEEPEST = 10;

/** Beside those of the specification, which hold introspection's own depth. */
export const VALIDATION_RULES: readonly ValidationRule[] = [
  maxDepthRule({
    n: DEEPEST,
    flattenFragments: true,
    // Thrown, it would be an error of the server's; reported, it is one of the document.
    propagateOnRejection: false,
    onReject: [(context, { message }) => context?.reportError(new GraphQLError(message.replace('Syntax Error: ', '')))],
  }),
];

/** Room for a page of 100 generations with every field of theirs. */
const HIGHEST_COST = 15_000;

/** Generations of a page: see rest/list.query.ts. */
const LONGEST_PAGE = 100;

/** A look into the log or into Postgres. */
const LOOK = 100;
/** What costs money. */
const REQUEST = 500;
/** A text or an object of some kilobytes. */
const LARGE = 10;

/** Every field costs 1 but these. */
const COSTS: Readonly<Record<string, number>> = {
  'Query.generation': LOOK,
  'Query.generations': LOOK,
  'Query.limits': LOOK,
  'Mutation.requestGeneration': REQUEST,
  'Mutation.cancelGeneration': LOOK,
  'Mutation.retryGeneration': LOOK,
  'Subscription.generationUpdated': LOOK,
  'Subscription.generationsUpdated': LOOK,
  'Generation.prompt': LARGE,
  'Generation.negativePrompt': LARGE,
  'Generation.modelOptions': LARGE,
  'Generation.metadata': LARGE,
  'Quote.providerInput': LARGE,
  'Model.parameters': LARGE,
};

/** Entries of a list, at most or about; a page has as many as are asked for. */
const LENGTHS: Readonly<Record<string, number>> = {
  'Query.models': MODELS.length,
  'Generation.images': 4,
  'Generation.warnings': 4,
  'Quote.warnings': 4,
  'Model.sizes': 12,
};

/**
 * Checks what an operation would cost with these variables, before anything of it is done.
 * @throws AppError `bad_request`
 */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): void {
  const cost = costOf(schema, document, operation, variables);
  if (cost <= HIGHEST_COST) return;
  throw new AppError('bad_request', `The operation costs ${cost}, and may cost at most ${HIGHEST_COST}`);
}

/** What an operation costs: {@link COSTS}, times the length of the lists around it. */
export function costOf(
  schema: GraphQLSchema,
  query: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  const operationName = operation.name?.value;
  try {
    return getComplexity({ schema, query, operationName, variables, estimators: [fieldCost] });
  } catch (error) {
    if (error instanceof GraphQLError) throw new AppError('bad_request', error.message, { cause: error });
    throw error;
  }
}

function fieldCost({ type, field, args, childComplexity }: ComplexityEstimatorArgs): number {
  const name = `${type.name}.${field.name}`;
  const length = name === 'Query.generations' ? pageLength(args.first) : (LENGTHS[name] ?? 1);
  return (COSTS[name] ?? 1) + length * childComplexity;
}

/** A longer page than there is will be refused, and costs nothing more. */
function pageLength(first: unknown): number {
  return Math.min(Math.max(Number(first), 1), LONGEST_PAGE);
}
