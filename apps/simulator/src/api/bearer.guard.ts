import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ProblemException } from './problem.js';

/** Any token will do, but there must be one. */
@Injectable()
export class BearerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { authorization } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    if (/^Bearer \S+$/.test(authorization ?? '')) return true;
    throw new ProblemException(401, {
      title: 'Unauthenticated',
      detail: 'You did not pass a valid authentication token',
    });
  }
}
