import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginUsageReportingDisabled } from '@apollo/server/plugin/disabled';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { DynamicModule } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import type { FastifyRequest } from 'fastify';
import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Authenticator } from '../auth/authenticator.js';
import { AppError } from '../errors/app-error.js';
import { httpContext } from './context.js';
import { formatError, httpError } from './errors.js';
import { GenerationsResolver } from './generations.resolver.js';
import { checkCost, PARSE_OPTIONS, VALIDATION_RULES } from './limits.js';
import { ModelsResolver } from './models.resolver.js';
import { DateTime, SafeInt } from './scalars.js';
import { typeDefs } from './schema.js';
import { checkVariables } from './variables.js';

/** Who answers the fields of the schema, for the module that provides what they use. */
export const RESOLVERS = [GenerationsResolver, ModelsResolver];

/** `/graphql`: Apollo over HTTP. */
export function graphqlModule(authenticator: Authenticator): DynamicModule {
  return GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    path: '/graphql',
    typeDefs,
    resolvers: { DateTime, SafeInt },
    context: (request: FastifyRequest) => httpContext(authenticator, request),
    formatError: (_formatted: GraphQLFormattedError, error: unknown) => formatError(error as GraphQLError),
    autoTransformHttpErrors: false,
    includeStacktraceInErrorResponses: false,
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
          checkVariables(schema, operation, variables);
          checkCost(schema, document, operation, variables);
        } catch (error) {
          throw error instanceof AppError ? httpError(error, 400) : error;
        }
      },
    };
  },
};
