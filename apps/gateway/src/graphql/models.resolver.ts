import { MODEL_KINDS } from '@darkroom/domain';
import { Args, Query, Resolver } from '@nestjs/graphql';
import { z } from 'zod';
import { ModelCatalogue } from '../application/models.js';
import { invalid } from '../errors/app-error.js';
import { fieldErrors } from '../errors/validation.js';
import { camelModel } from './names.js';

const filter = z.object({ kind: z.enum(MODEL_KINDS).nullish(), active: z.boolean().nullish() });

/** The catalogue: what can be asked for, and what it costs. */
@Resolver()
export class ModelsResolver {
  constructor(private readonly catalogue: ModelCatalogue) {}

  @Query('models')
  models(@Args() given: unknown) {
    const { success, data, error } = filter.safeParse(given);
    if (!success) throw invalid(fieldErrors(error.issues));
    const { kind, active } = data;
    return this.catalogue.list({ kind: kind ?? undefined, active: active ?? undefined }).map(camelModel);
  }

  @Query('model')
  model(@Args('id') id: string) {
    return camelModel(this.catalogue.get(id));
  }
}
