import { MODELS } from '@darkroom/domain';
import { ModelSwitchboard, type Broker } from '@darkroom/events';
import { stateOf } from '../models/model-lines.js';
import { ok, warning, type Finding } from './finding.js';

/** Which models cannot be asked for because an operator has switched them off. */
export async function checkModels(broker: Broker): Promise<Finding[]> {
  const switches = await (await ModelSwitchboard.open(broker)).read();
  const states = MODELS.map((model) => stateOf(model, switches));
  const active = states.filter((state) => state.active).length;
  const off = states
    .filter(({ switched }) => switched === 'off')
    .map(({ id, since, note }) =>
      warning('models', `${id} is switched off since ${since}${note ? ` (${note})` : ''}`, `darkroom models on ${id}`),
    );
  return off.length > 0 ? off : [ok('models', `${active} of ${states.length} can be asked for`)];
}
