import { HeaderMap } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import type { FieldError } from '@darkroom/domain';
import { logContext } from '@darkroom/observability';
import { Logger } from '@nestjs/common';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { AppError, ERRORS, type ErrorCode } from '../errors/app-error.js';
import { logProblem } from '../errors/log-problem.js';
import { asAppError, headersOf, retryAfterOf } from '../errors/problem.js';
import { camelError, camelText } from './names.js';

/** What a client finds under `extensions` of every error. The codes are REST's. */
export interface ErrorExtensions {
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors?: readonly FieldError[];
  readonly retryAfterSeconds?: number;
}

/** Apollo's own errors: of the document, of its variables, of the HTTP request around it. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  [ApolloServerErrorCode.GRAPHQL_PARSE_FAILED]: 'bad_request',
  [ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED]: 'bad_request',
  [ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE]: 'bad_request',
  [ApolloServerErrorCode.BAD_REQUEST]: 'bad_request',
  [ApolloServerErrorCode.PERSISTED_QUERY_NOT_FOUND]: 'bad_request',
  [ApolloServerErrorCode.PERSISTED_QUERY_NOT_SUPPORTED]: 'bad_request',
  [ApolloServerErrorCode.BAD_USER_INPUT]: 'validation_failed',
};

const logger = new Logger('GraphQL');

/**
 * The one place where errors become answers of GraphQL, over HTTP and over WebSocket. What nobody expected is logged in
 * full and told in general.
 */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const requestId = logContext().request_id ?? '';
  const thrown = thrownBy(error);
  const appError = errorOf(error, thrown);
  logProblem(logger, appError, thrown, requestId);

  const errors = appError.more.fields?.map(camelError);
  const retryAfterSeconds = retryAfterOf(appError);
  const extensions: ErrorExtensions = {
    code: appError.code,
    requestId,
    ...(errors && { errors }),
    ...(retryAfterSeconds !== null && { retryAfterSeconds }),
  };
  return {
    message: errors ? errors.map(({ message }) => message).join('; ') : camelText(appError.detail),
    ...(error.locations && { locations: error.locations }),
    ...(error.path && { path: error.path }),
    extensions: { ...extensions },
  };
}

/** An error that is told before anything is executed, and so by the status of the HTTP answer too. */
export function httpError(error: AppError, status: number = ERRORS[error.code][0]): GraphQLError {
  const http = { status, headers: new HeaderMap(Object.entries(headersOf(error))) };
  return new GraphQLError(error.detail, { originalError: error, extensions: { http } });
}

/** What a resolver, or we ourselves, have thrown; the error itself when graphql-js or Apollo has. */
function thrownBy(error: Error): Error {
  const inner = error instanceof GraphQLError ? error.originalError : undefined;
  return inner ? thrownBy(inner) : error;
}

function errorOf(error: GraphQLError, thrown: Error): AppError {
  if (!(thrown instanceof GraphQLError)) return asAppError(thrown);
  const code = CODES[String(error.extensions.code)];
  return code === undefined ? asAppError(thrown) : new AppError(code, error.message);
}
