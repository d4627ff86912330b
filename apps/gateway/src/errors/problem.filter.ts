import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ERRORS } from './app-error.js';
import { asAppError, headersOf, PROBLEM_JSON, problemOf } from './problem.js';

/** The one place where errors become answers. What nobody expected is logged in full and told in general. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Problem');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = asAppError(thrown);

    if (error.code === 'internal') this.#logger.error({ err: thrown, request_id: request.id }, 'Unexpected error');
    else if (error.code === 'unavailable')
      this.#logger.warn({ err: error.more.cause, request_id: request.id }, error.detail);
    if (reply.sent) return;
    void reply
      .status(ERRORS[error.code][0])
      .headers(headersOf(error))
      .type(PROBLEM_JSON)
      .send(problemOf(error, request.id));
  }
}
