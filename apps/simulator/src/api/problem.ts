import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isAbort } from '../lifetime.js';

export interface Problem {
  readonly title?: string;
  readonly detail: string;
  readonly retry_after?: number;
  readonly invalid_fields?: readonly object[];
}

/** An answer in the shape of Replicate's errors. */
export class ProblemException extends HttpException {
  constructor(
    status: number,
    readonly problem: Problem,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(problem.detail, status);
  }
}

export const notFound = () => new ProblemException(404, { detail: 'The requested resource could not be found.' });

/** Gives every failure, Nest's and Fastify's own too, the shape of Replicate's errors. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const status = statusOf(error);
    // Neither a scripted failure nor an answer that was held back when the simulator closed.
    if (status === 500 && !(error instanceof ProblemException) && !isAbort(error)) console.error('Simulator:', error);
    const problem = error instanceof ProblemException ? error.problem : { detail: messageOf(error) };
    const headers = error instanceof ProblemException ? error.headers : {};
    void reply
      .status(status)
      .headers(headers)
      .send({ ...problem, status });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof HttpException) return error.getStatus();
  // Fastify's own errors, such as an unreadable JSON body.
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
