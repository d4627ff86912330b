import type { GenerationView } from '@darkroom/domain';
import { Args, Context, Resolver, Subscription } from '@nestjs/graphql';
import { GenerationsService } from '../application/generations.service.js';
import { invalid } from '../errors/app-error.js';
import type { GraphqlContext } from './context.js';
import { camelView } from './names.js';

/** The changes that Server-Sent Events tell too, over the same service. */
@Resolver()
export class UpdatesResolver {
  constructor(private readonly generations: GenerationsService) {}

  @Subscription('generationUpdated')
  async one(
    @Context() { principal }: GraphqlContext,
    @Args('id') id: string,
    @Args('after') after?: number | null,
  ): Promise<AsyncIterator<unknown>> {
    if (after != null && after < 0) throw invalid([{ field: 'after', message: 'after: must not be negative' }]);
    return payloads('generationUpdated', (signal) =>
      this.generations.follow(principal, id, { after: after ?? null, signal }),
    );
  }

  @Subscription('generationsUpdated')
  async all(@Context() { principal }: GraphqlContext): Promise<AsyncIterator<unknown>> {
    return payloads('generationsUpdated', async (signal) => this.generations.followAll(principal, { signal }));
  }
}

/**
 * Views as graphql-js takes the events of a subscription. Its end by the client (`return`) reaches whoever waits for the
 * next view at once: a generator alone would hear of it only after that view.
 */
async function payloads(
  field: string,
  listen: (signal: AbortSignal) => Promise<AsyncIterable<GenerationView>>,
): Promise<AsyncIterableIterator<unknown>> {
  const gone = new AbortController();
  const views = (await listen(gone.signal))[Symbol.asyncIterator]();
  const end = { done: true, value: undefined } as const;
  const iterator: AsyncIterableIterator<unknown> = {
    async next() {
      const next: IteratorResult<GenerationView, unknown> = await views.next();
      return next.done ? end : { done: false, value: { [field]: camelView(next.value) } };
    },
    async return() {
      gone.abort();
      await views.return?.();
      return end;
    },
    [Symbol.asyncIterator]() {
      return iterator;
    },
  };
  return iterator;
}
