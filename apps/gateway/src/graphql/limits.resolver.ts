import { Context, Query, Resolver } from '@nestjs/graphql';
import { UserLimitsQuery } from '../limits/user-limits.query.js';
import type { GraphqlContext } from './context.js';
import { camelView } from './names.js';

/** What the caller may still ask for: rest/limits.controller.ts. */
@Resolver()
export class LimitsResolver {
  constructor(private readonly limits: UserLimitsQuery) {}

  @Query('limits')
  async of(@Context() { principal }: GraphqlContext) {
    return camelView(await this.limits.of(principal));
  }
}
