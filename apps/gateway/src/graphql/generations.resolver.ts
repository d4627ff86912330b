import { Args, Context, Mutation, Query, Resolver } from '@nestjs/graphql';
import { generationRequest, type GenerationRequest } from '../application/generation-request.js';
import { GenerationsService } from '../application/generations.service.js';
import { quoteViewOf } from '../application/quote-view.js';
import { invalid } from '../errors/app-error.js';
import { fieldErrors } from '../errors/validation.js';
import { idempotencyKeyOf } from '../rest/idempotency-key.js';
import { connectionOf, listOptionsFrom, type ConnectionArguments } from './connection.js';
import type { GraphqlContext } from './context.js';
import { camelView, snakeKeys } from './names.js';

type Input = Readonly<Record<string, unknown>>;

/** What REST does in rest/generations.controller.ts and rest/lists.controller.ts, over the same service. */
@Resolver()
export class GenerationsResolver {
  constructor(private readonly generations: GenerationsService) {}

  @Query('generation')
  async generation(@Context() { principal }: GraphqlContext, @Args('id') id: string) {
    return camelView(await this.generations.get(principal, id));
  }

  @Query('generations')
  async list(@Context() { principal }: GraphqlContext, @Args() given: ConnectionArguments) {
    const options = listOptionsFrom(given);
    return connectionOf(await this.generations.list(principal, options), options);
  }

  @Query('quoteGeneration')
  async quote(@Context() { principal }: GraphqlContext, @Args('input') input: Input) {
    return camelView(quoteViewOf(await this.generations.quote(principal, requestFrom(input))));
  }

  @Mutation('requestGeneration')
  async request(
    @Context() { principal, trace }: GraphqlContext,
    @Args('input') input: Input,
    @Args('idempotencyKey') key?: string | null,
  ) {
    const idempotencyKey = idempotencyKeyOf(key ?? undefined);
    const body = requestFrom(input);
    const { generation } = await this.generations.request(principal, body, { idempotencyKey, trace, wait: null });
    return camelView(generation);
  }

  @Mutation('cancelGeneration')
  async cancel(@Context() { principal, trace }: GraphqlContext, @Args('id') id: string) {
    return camelView(await this.generations.cancel(principal, id, trace));
  }

  @Mutation('retryGeneration')
  async retry(@Context() { principal, trace }: GraphqlContext, @Args('id') id: string) {
    return camelView(await this.generations.retry(principal, id, trace));
  }
}

/**
 * The body that REST would have been sent.
 * @throws AppError `validation_failed`
 */
function requestFrom(input: Input): GenerationRequest {
  const request = generationRequest.safeParse(snakeKeys(input));
  if (!request.success) throw invalid(fieldErrors(request.error.issues));
  return request.data;
}
