import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginUsageReportingDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Logger, type DynamicModule } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import type { FastifyRequest } from 'fastify';
import { OperationTypeNode, type GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Authenticator } from '../auth/authenticator.js';
import { AppError } from '../errors/app-error.js';
import { httpContext } from './context.js';
import { formatError, httpError } from './errors.js';
import { GenerationsResolver } from './generations.resolver.js';
import { checkCost, PARSE_OPTIONS, VALIDATION_RULES } from './limits.js';
import { LimitsResolver } from './limits.resolver.js';
import { ModelsResolver } from './models.resolver.js';
import { DateTime, SafeInt } from './scalars.js';
import { GRAPHQL_PATH, typeDefs } from './schema.js';
import { GraphqlSockets } from './sockets.js';
import { UpdatesResolver } from './updates.resolver.js';
import { checkVariables } from './variables.js';

/** What answers operations, for the module that provides what it uses. */
export const GRAPHQL_PROVIDERS = [GenerationsResolver, LimitsResolver, ModelsResolver, UpdatesResolver, GraphqlSockets];

/** Queries and mutations at `/graphql`: Apollo over HTTP. */
export function graphqlModule(authenticator: Authenticator): DynamicModule {
  const logger = new Logger('Apollo');
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    path: GRAPHQL_PATH,
    typeDefs,
    resolvers: { DateTime, SafeInt },
    context: (request: FastifyRequest) => httpContext(authenticator, request),
    formatError: (_formatted: GraphQLFormattedError, error: unknown) => formatError(error as GraphQLError),
    autoTransformHttpErrors: false,
    includeStacktraceInErrorResponses: false,
    logger: {
      debug: (message: string) => logger.debug(message),
      info: (message: string) => logger.log(message),
      warn: (message: string) => logger.warn(message),
      error: (message: string) => logger.error(message),
    },
    parseOptions: PARSE_OPTIONS,
    validationRules: [...VALIDATION_RULES],
    plugins: [operationChecks, ApolloServerPluginUsageReportingDisabled()],
    // For whoever may use the schema it is its documentation; nobody else gets as far.
    introspection: true,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    // Pages that load their scripts from elsewhere.
    graphiql: false,
    // After the HTTP server, which must not wait for it.
    stopOnApplicationShutdown: true,
  });
}

const operationChecks: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async didResolveOperation({ schema, document, operation, request }) {
        // Which of its operations is meant cannot be told: the executor says so.
        if (!operation) return;
        const { variables = {} } = request;
        try {
          if (operation.operation === OperationTypeNode.SUBSCRIPTION) {
            throw new AppError('bad_request', 'Subscriptions are served over WebSocket, by graphql-transport-ws');
          }
          checkVariables(schema, operation, variables);
          checkCost(schema, document, operation, variables);
        } catch (error) {
          throw error instanceof AppError ? httpError(error, 400) : error;
        }
      },
    };
  },
};
