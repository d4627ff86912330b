import { MetricsController } from '@darkroom/observability';
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { GqlContextType } from '@nestjs/graphql';
import type { FastifyRequest } from 'fastify';
import { Authenticator } from './authenticator.js';
import './principal.decorator.js';

const PUBLIC = Symbol('PUBLIC');

/** A controller or method that needs no credentials. */
export const Public = () => SetMetadata(PUBLIC, true);

/** Stands before every route; only what is marked as public passes without credentials. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // A GraphQL operation gets no context without a principal: graphql/context.ts.
    if (context.getType<GqlContextType>() === 'graphql') return true;
    const handler = [context.getHandler(), context.getClass()];
    if (context.getClass() === MetricsController || this.reflector.getAllAndOverride<boolean>(PUBLIC, handler)) {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    request.principal = await this.authenticator.authenticate(request.headers.authorization);
    return true;
  }
}
