import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { GqlContextType } from '@nestjs/graphql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from './app-error.js';
import { logProblem } from './log-problem.js';
import { asAppError, headersOf, PROBLEM_JSON, problemOf } from './problem.js';

/** The one place where errors become answers of REST. What nobody expected is logged in full and told in general. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Problem');

  catch(thrown: unknown, host: ArgumentsHost): void {
    // Told in the answer of the operation, by graphql/errors.ts.
    if (host.getType<GqlContextType>() === 'graphql') throw thrown;
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = asAppError(thrown);

    logProblem(this.#logger, error, thrown, request.id);
    if (reply.sent) return;
    void reply
      .status(ERRORS[error.code][0])
      .headers(headersOf(error))
      .type(PROBLEM_JSON)
      .send(problemOf(error, request.id));
  }
}
