import type { FastifyRequest } from 'fastify';
import type { Principal } from '../application/principal.js';
import type { Authenticator } from '../auth/authenticator.js';
import { asAppError } from '../errors/problem.js';
import { httpError } from './errors.js';

/** What resolvers know of who asks. There is no operation without one. */
export interface GraphqlContext {
  readonly principal: Principal;
  readonly requestId: string;
  /** W3C traceparent. */
  readonly trace: string;
}

/**
 * The context of an operation over HTTP.
 * @throws GraphQLError with the status of what it tells, such as 401
 */
export async function httpContext(authenticator: Authenticator, request: FastifyRequest): Promise<GraphqlContext> {
  try {
    const principal = await authenticator.authenticate(request.headers.authorization);
    return { principal, requestId: request.id, trace: request.trace };
  } catch (error) {
    throw httpError(asAppError(error));
  }
}
