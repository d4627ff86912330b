import { Args, Query, Resolver } from '@nestjs/graphql';
import { getModel, listModels } from '../application/models.js';
import { camelModel } from './names.js';

/** The catalogue: what can be asked for, and what it costs. */
@Resolver()
export class ModelsResolver {
  @Query('models')
  models() {
    return listModels().map(camelModel);
  }

  @Query('model')
  model(@Args('id') id: string) {
    return camelModel(getModel(id));
  }
}
